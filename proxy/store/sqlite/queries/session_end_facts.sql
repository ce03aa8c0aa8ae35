-- What a session.end is made from.
SELECT session.uuid, session.visitor, session.last, event.lane
FROM session LEFT JOIN event ON event.session = session.id AND event.action = ?
WHERE session.id = ?
ORDER BY event.seq LIMIT 1
