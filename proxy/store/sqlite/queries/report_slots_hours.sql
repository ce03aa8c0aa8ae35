-- The same of hours since 1970 in UTC, from :low to :high; :first and :last are the days that they touch. A visitor of an
-- hour is one who was not there on a day before in the same hour.
SELECT subject, sum(CASE kind WHEN :hour THEN n ELSE 0 END), sum(CASE kind WHEN :hour_visitors THEN n ELSE 0 END)
FROM counts
WHERE kind IN (:hour, :hour_visitors) AND lane = :lane AND day BETWEEN :first AND :last
    AND subject BETWEEN :low AND :high AND (kind = :hour OR extra = :never)
GROUP BY subject
