-- The same of whole days.
SELECT coalesce(sum(CASE lane WHEN :lane THEN n END), 0), coalesce(sum(CASE WHEN lane <> :lane THEN n END), 0)
FROM counts
WHERE kind = :visitors AND lane IN (:lane, CASE :lane WHEN :person THEN :beside ELSE :lane END)
    AND day BETWEEN :first AND :last AND extra < :first
