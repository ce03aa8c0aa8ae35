-- What sessions came with.
SELECT word.value, count(*)
FROM event JOIN session ON session.id = event.session JOIN word ON word.id = session.device
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
    AND event.action = (SELECT id FROM word WHERE value = 'session.start')
GROUP BY word.value
ORDER BY count(*) DESC, word.value
LIMIT :limit
