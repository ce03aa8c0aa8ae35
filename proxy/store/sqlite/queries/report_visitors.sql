-- Some visitors in a span, but for crawlers. :keys is a JSON array. Their page views are those of their sessions, and
-- those outside any.
WITH RECURSIVE told (seq, back, time, action, visitor, session, lane, uri, title) AS (
    SELECT event.seq, event.back, event.time, event.action, event.visitor, event.session, event.lane, event.uri,
        event.title
    FROM json_each(:keys) AS wanted
    CROSS JOIN session ON session.visitor = wanted.value AND session.start < :until AND session.last >= :since
    CROSS JOIN event ON event.seq = session.top
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.visitor, event.session, event.lane, event.uri,
        event.title
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
), own AS MATERIALIZED (
    SELECT * FROM told WHERE action IN (SELECT id FROM word WHERE value IN ('page.visit', 'session.start'))
), start AS MATERIALIZED (
    SELECT session, seq FROM own WHERE action = (SELECT id FROM word WHERE value = 'session.start')
), visit AS MATERIALIZED (
    SELECT visitor, session, time, seq, uri, title FROM own
    WHERE time >= :since AND time < :until AND lane = :lane
        AND action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT event.visitor, NULL, event.time, event.seq, event.uri, event.title
    FROM json_each(:keys) AS wanted
    CROSS JOIN event ON event.visitor = wanted.value AND event.session IS NULL AND event.lane <> 0
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY visitor ORDER BY time DESC, seq DESC) AS place,
        count(*) OVER (PARTITION BY visitor) AS views, min(time) OVER (PARTITION BY visitor) AS first
    FROM visit
)
SELECT placed.visitor, visitor.uuid, placed.views,
    (SELECT count(DISTINCT session) FROM visit WHERE visit.visitor = placed.visitor),
    placed.first, placed.time, uri.value, title.value, start.seq
FROM placed
JOIN visitor ON visitor.id = placed.visitor
LEFT JOIN uri ON uri.id = placed.uri
LEFT JOIN word AS title ON title.id = placed.title
LEFT JOIN start ON start.session = placed.session
WHERE placed.place = 1
ORDER BY placed.time DESC, placed.visitor DESC
