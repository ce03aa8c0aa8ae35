-- The same of whole days.
WITH counted AS (
    SELECT subject AS source, sum(n) AS n FROM counts
    WHERE kind = :source AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
)
SELECT word.value ->> 0, word.value ->> 1, word.value ->> 2, word.value ->> 3, word.value ->> 4,
    counted.n, sum(counted.n) OVER (), count(*) OVER ()
FROM counted JOIN word ON word.id = counted.source
ORDER BY counted.n DESC, 1, 2, 3, 4, 5
LIMIT :limit
