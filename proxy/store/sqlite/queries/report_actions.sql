-- Events by action.
WITH counted AS (
    SELECT action, count(*) AS n FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane AND visitor <> 0
    GROUP BY action
)
SELECT word.value, counted.n, count(*) OVER () FROM counted JOIN word ON word.id = counted.action
ORDER BY counted.n DESC, word.value
LIMIT :limit
