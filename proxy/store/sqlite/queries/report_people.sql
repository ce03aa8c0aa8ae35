-- Visitors of people's lane who did something lately. A session.end is written later than what it tells of.
SELECT count(DISTINCT event.visitor)
FROM event
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.lane = 2
    AND NOT EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = event.visitor)
    AND event.action <> coalesce((SELECT id FROM word WHERE value = 'session.end'), -1)
