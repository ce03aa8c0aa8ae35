-- The same of whole days.
SELECT word.value, sum(counts.n)
FROM counts JOIN word ON word.id = counts.subject
WHERE counts.kind = :device AND counts.lane = :lane AND counts.day BETWEEN :first AND :last
GROUP BY word.value
HAVING sum(counts.n) <> 0
ORDER BY sum(counts.n) DESC, word.value
LIMIT :limit
