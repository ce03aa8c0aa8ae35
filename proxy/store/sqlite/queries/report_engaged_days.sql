-- The same of whole days.
SELECT extra, sum(n) FROM cell
WHERE kind = :used AND lane = :lane AND day BETWEEN :first AND :last AND subject = 0
GROUP BY extra
ORDER BY extra
