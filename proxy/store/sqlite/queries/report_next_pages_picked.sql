-- The same of sessions that were picked (only_begin): all their events are here, so that none is walked through by itself.
WITH begun AS MATERIALIZED (
    SELECT event.session AS session FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
), step AS (
    SELECT uri.page AS page, lead(uri.page) OVER (PARTITION BY event.session ORDER BY event.time, event.seq) AS following
    FROM event LEFT JOIN uri ON uri.id = event.uri
    WHERE event.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND event.session IN (SELECT session FROM begun)
), counted AS (
    SELECT following AS page, count(*) AS n FROM step
    WHERE page = (SELECT id FROM page WHERE host = :host AND path = :path) AND following <> page
    GROUP BY following
)
SELECT page.host, page.path, counted.n, count(*) OVER ()
FROM counted JOIN page ON page.id = counted.page
ORDER BY counted.n DESC, page.host, page.path
LIMIT :limit
