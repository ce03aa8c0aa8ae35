-- Some visitors in a span, but for crawlers. :keys is a JSON array. Their page views are those of their sessions, and
-- those outside any; a session without an entry is of an app, and its session.start is told where no page is. Few sessions
-- are read: those that reach beyond the span, and of each visitor the first and the last one with anything of that; the
-- others' pages are known. Of a visitor who was in another lane as well all are read, and where :raw says so.
WITH RECURSIVE wanted AS MATERIALIZED (
    SELECT value AS visitor, :raw OR EXISTS (
        SELECT 1 FROM presence
        WHERE presence.visitor = value AND kind = :views AND subject = 0 AND lane <> :lane
    ) AS is_read
    FROM json_each(:keys)
), own AS MATERIALIZED (
    SELECT session.visitor, session.start, coalesce(session.viewed, session.start) AS shown, session.pages, session.top,
        session.pages > 0 OR session.entry IS NULL AS is_told,
        wanted.is_read OR session.start < :since OR session.last >= :until AS is_read
    FROM wanted
    CROSS JOIN session ON session.visitor = wanted.visitor AND session.start < :until AND session.last >= :since
), placed AS (
    SELECT *, rank() OVER (PARTITION BY visitor ORDER BY shown DESC) AS place,
        first_value(shown) OVER (PARTITION BY visitor ORDER BY start) AS early
    FROM own WHERE NOT is_read AND is_told
), told (seq, back, time, action, visitor, session, lane, uri, title) AS (
    SELECT event.seq, event.back, event.time, event.action, event.visitor, event.session, event.lane, event.uri,
        event.title
    FROM (
        SELECT top FROM own WHERE is_read UNION ALL SELECT top FROM placed WHERE place = 1 OR start <= early
    ) AS part
    CROSS JOIN event ON event.seq = part.top
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.visitor, event.session, event.lane, event.uri,
        event.title
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
), rest AS MATERIALIZED (
    SELECT visitor, sum(pages) AS views, count(*) AS sessions FROM placed
    WHERE place > 1 AND start > early
    GROUP BY visitor
), few AS MATERIALIZED (
    SELECT * FROM told WHERE action IN (SELECT id FROM word WHERE value IN ('page.visit', 'session.start'))
), start AS MATERIALIZED (
    SELECT session, seq FROM few WHERE action = (SELECT id FROM word WHERE value = 'session.start')
), visit AS MATERIALIZED (
    SELECT visitor, session, time, seq, uri, title, action = (SELECT id FROM word WHERE value = 'page.visit') AS is_view
    FROM few
    WHERE time >= :since AND time < :until AND lane = :lane
        AND (uri IS NULL OR action = (SELECT id FROM word WHERE value = 'page.visit'))
    UNION ALL
    SELECT event.visitor, NULL, event.time, event.seq, event.uri, event.title, 1
    FROM wanted
    CROSS JOIN event ON event.visitor = wanted.visitor AND event.session IS NULL AND event.lane <> 0
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
), latest AS (
    SELECT *, row_number() OVER (PARTITION BY visitor ORDER BY time DESC, seq DESC) AS place,
        sum(is_view) OVER (PARTITION BY visitor) AS views, min(time) OVER (PARTITION BY visitor) AS first
    FROM visit
)
SELECT latest.visitor, visitor.uuid, latest.views + coalesce(rest.views, 0),
    (SELECT count(DISTINCT session) FROM visit WHERE visit.visitor = latest.visitor) + coalesce(rest.sessions, 0),
    latest.first, latest.time, uri.value, title.value, start.seq,
    :lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = latest.visitor)
FROM latest
JOIN visitor ON visitor.id = latest.visitor
LEFT JOIN rest ON rest.visitor = latest.visitor
LEFT JOIN uri ON uri.id = latest.uri
LEFT JOIN word AS title ON title.id = latest.title
LEFT JOIN start ON start.session = latest.session
WHERE latest.place = 1
ORDER BY latest.time DESC, latest.visitor DESC
