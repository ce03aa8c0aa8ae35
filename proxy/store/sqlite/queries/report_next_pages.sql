-- Where sessions went from a page.
WITH RECURSIVE begun AS MATERIALIZED (
    SELECT event.session AS session FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
), told (session, seq) AS (
    SELECT session.id, session.top FROM begun CROSS JOIN session ON session.id = begun.session
    UNION ALL
    SELECT told.session, event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq
    WHERE event.back IS NOT NULL
), step AS (
    SELECT uri.page AS page,
        lead(uri.page) OVER (PARTITION BY told.session ORDER BY event.time, event.seq) AS following
    FROM told CROSS JOIN event ON event.seq = told.seq LEFT JOIN uri ON uri.id = event.uri
    WHERE event.action = (SELECT id FROM word WHERE value = 'page.visit')
), counted AS (
    SELECT following AS page, count(*) AS n FROM step
    WHERE page = (SELECT id FROM page WHERE host = :host AND path = :path) AND following <> page
    GROUP BY following
)
SELECT page.host, page.path, counted.n, count(*) OVER ()
FROM counted JOIN page ON page.id = counted.page
ORDER BY counted.n DESC, page.host, page.path
LIMIT :limit
