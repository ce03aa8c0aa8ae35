-- The rows that fold_blocked.sql has counted elsewhere.
DELETE FROM blocked WHERE (day, page, reason) IN (
    SELECT day, page, reason FROM blocked WHERE page <> :other
    ORDER BY last DESC, day DESC, page, reason LIMIT -1 OFFSET :kept
)
