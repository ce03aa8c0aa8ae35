-- The same of whole days.
WITH counted AS (
    SELECT subject AS action, sum(n) AS n FROM counts
    WHERE kind = :action AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
)
SELECT word.value, counted.n, count(*) OVER () FROM counted JOIN word ON word.id = counted.action
ORDER BY counted.n DESC, word.value
LIMIT :limit
