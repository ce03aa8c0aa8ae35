-- What sessions came with; NULL: of those that do not say.
SELECT word.value, count(*), count(*) OVER ()
FROM event JOIN session ON session.id = event.session LEFT JOIN word ON word.id = session.device
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
    AND event.action = (SELECT id FROM word WHERE value = 'session.start')
GROUP BY word.value
ORDER BY count(*) DESC, word.value
LIMIT :limit
