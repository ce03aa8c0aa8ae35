-- Visitors by their last page view. :time NULL begins with the latest.
WITH visit AS (
    SELECT event.visitor AS visitor, event.session AS session, event.time AS time, event.uri AS uri,
        event.title AS title, row_number() OVER (PARTITION BY event.visitor ORDER BY event.time DESC, event.seq DESC) AS place
    FROM event
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
), person AS (
    SELECT visitor, count(*) AS views, count(DISTINCT session) AS sessions, min(time) AS first, max(time) AS last,
        max(CASE WHEN place = 1 THEN uri END) AS uri, max(CASE WHEN place = 1 THEN title END) AS title,
        max(CASE WHEN place = 1 THEN session END) AS session
    FROM visit
    GROUP BY visitor
)
SELECT person.visitor, visitor.uuid, person.views, person.sessions, person.first, person.last, uri.value, title.value,
    start.seq, (SELECT count(*) FROM person)
FROM person
JOIN visitor ON visitor.id = person.visitor
LEFT JOIN uri ON uri.id = person.uri
LEFT JOIN word AS title ON title.id = person.title
LEFT JOIN event AS start ON start.session = person.session
    AND start.action = (SELECT id FROM word WHERE value = 'session.start')
WHERE :time IS NULL OR (person.last, person.visitor) < (:time, :key)
ORDER BY person.last DESC, person.visitor DESC
LIMIT :limit
