-- The same of whole days.
WITH said AS MATERIALIZED (
    SELECT subject AS device, sum(n) AS n FROM counts
    WHERE kind = :device AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
), each AS (
    SELECT word.value AS device, said.n AS n FROM said JOIN word ON word.id = said.device
    UNION ALL
    SELECT NULL, coalesce(sum(n), 0) - (SELECT coalesce(sum(n), 0) FROM said) FROM counts
    WHERE kind = :sessions AND lane = :lane AND day BETWEEN :first AND :last
)
SELECT device, n, count(*) OVER () FROM each WHERE n <> 0
ORDER BY n DESC, device
LIMIT :limit
