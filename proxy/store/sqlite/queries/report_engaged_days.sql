-- The same of whole days.
SELECT extra, sum(n) FROM counts
WHERE kind = :used AND lane = :lane AND day BETWEEN :first AND :last AND subject = 0
GROUP BY extra
HAVING sum(n) <> 0
ORDER BY extra
