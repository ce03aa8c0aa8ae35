-- Which events came in after one: the latest. A session.end is written when nothing has happened for long.
SELECT seq FROM event
WHERE seq > :seq AND action <> coalesce((SELECT id FROM word WHERE value = 'session.end'), -1)
ORDER BY seq DESC
LIMIT :limit
