-- The next day on which anything was counted.
SELECT min(day) FROM (
    SELECT min(id) AS day FROM day WHERE id > :place
    UNION ALL SELECT min(day) FROM outcome WHERE day > :place
    UNION ALL SELECT min(day) FROM blocked WHERE day > :place
)
