-- Visitors, sessions, page views and sessions of one page view of every lane. A session.start without a uri is of an app.
WITH visit AS (SELECT id FROM word WHERE value = 'page.visit'), start AS (SELECT id FROM word WHERE value = 'session.start')
SELECT event.lane,
    count(DISTINCT CASE WHEN event.action = (SELECT id FROM visit) OR event.uri IS NULL THEN event.visitor END),
    count(CASE WHEN event.action = (SELECT id FROM start) THEN 1 END),
    count(CASE WHEN event.action = (SELECT id FROM visit) THEN 1 END),
    count(CASE WHEN event.action = (SELECT id FROM start) AND session.pages = 1 THEN 1 END)
FROM event LEFT JOIN session ON session.id = event.session AND event.action = (SELECT id FROM start)
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until
    AND event.action IN (SELECT id FROM visit UNION ALL SELECT id FROM start)
GROUP BY event.lane
