-- Visitors, sessions, page views and sessions of one page view of every lane; and visitors of whom a browser keeps no
-- cookie, who are none of the visitors of people. A session.start without a uri is of an app, whose visitor is one.
WITH visit AS (SELECT id FROM word WHERE value = 'page.visit'), start AS (SELECT id FROM word WHERE value = 'session.start'),
one AS MATERIALIZED (
    SELECT event.lane AS lane, event.visitor AS visitor,
        count(CASE WHEN event.action = (SELECT id FROM start) THEN 1 END) AS sessions,
        count(CASE WHEN event.action = (SELECT id FROM visit) THEN 1 END) AS views,
        count(CASE WHEN event.action = (SELECT id FROM visit) OR event.uri IS NULL THEN 1 END) AS arrivals,
        count(CASE WHEN event.action = (SELECT id FROM start) AND session.pages = 1 THEN 1 END) AS bounces
    FROM event LEFT JOIN session ON session.id = event.session AND event.action = (SELECT id FROM start)
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until
        AND event.action IN (SELECT id FROM visit UNION ALL SELECT id FROM start)
    GROUP BY event.lane, event.visitor
), known AS MATERIALIZED (
    SELECT *, lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor) AS is_beside FROM one
)
SELECT lane, count(CASE WHEN arrivals > 0 AND NOT is_beside THEN 1 END), sum(sessions), sum(views), sum(bounces),
    count(CASE WHEN arrivals > 0 AND is_beside THEN 1 END)
FROM known
GROUP BY lane
