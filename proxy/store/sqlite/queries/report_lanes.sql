-- Visitors, sessions and page views of every lane.
WITH visit AS (SELECT id FROM word WHERE value = 'page.visit'), start AS (SELECT id FROM word WHERE value = 'session.start')
SELECT event.lane,
    count(DISTINCT CASE WHEN event.action = (SELECT id FROM visit) THEN event.visitor END),
    count(CASE WHEN event.action = (SELECT id FROM start) THEN 1 END),
    count(CASE WHEN event.action = (SELECT id FROM visit) THEN 1 END)
FROM event
WHERE event.time >= :since AND event.time < :until
    AND event.action IN (SELECT id FROM visit UNION ALL SELECT id FROM start)
GROUP BY event.lane
