-- Where sessions came from (a source: rollups.py); the last but one column counts all of them, whatever the limit.
WITH counted AS (
    SELECT session.source AS source, count(*) AS n
    FROM event JOIN session ON session.id = event.session
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
    GROUP BY session.source
)
SELECT word.value ->> 0, word.value ->> 1, word.value ->> 2, word.value ->> 3, word.value ->> 4,
    counted.n, sum(counted.n) OVER (), count(*) OVER ()
FROM counted JOIN word ON word.id = counted.source
ORDER BY counted.n DESC, 1, 2, 3, 4, 5
LIMIT :limit
