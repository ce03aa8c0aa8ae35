-- Where sessions went from a page.
WITH RECURSIVE begun AS MATERIALIZED (
    SELECT event.session AS session FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
), told (seq, back, time, action, session, uri) AS (
    SELECT event.seq, event.back, event.time, event.action, event.session, event.uri
    FROM begun CROSS JOIN session ON session.id = begun.session CROSS JOIN event ON event.seq = session.top
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.session, event.uri
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
), step AS (
    SELECT uri.page AS page, lead(uri.page) OVER (PARTITION BY told.session ORDER BY told.time, told.seq) AS following
    FROM told LEFT JOIN uri ON uri.id = told.uri
    WHERE told.action = (SELECT id FROM word WHERE value = 'page.visit')
), counted AS (
    SELECT following AS page, count(*) AS n FROM step
    WHERE page = (SELECT id FROM page WHERE host = :host AND path = :path) AND following <> page
    GROUP BY following
)
SELECT page.host, page.path, counted.n, count(*) OVER ()
FROM counted JOIN page ON page.id = counted.page
ORDER BY counted.n DESC, page.host, page.path
LIMIT :limit
