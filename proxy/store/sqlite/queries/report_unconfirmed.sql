-- Pages by how many of people's views no browser has confirmed. Of those since :settled it is not known yet.
WITH seen AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS views, sum(NOT event.state & 1) AS missing
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :person
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND (event.state & 1 OR event.time < :settled)
    GROUP BY uri.page
    HAVING missing > 0
)
SELECT page.host, page.path, seen.views, seen.missing, count(*) OVER ()
FROM seen JOIN page ON page.id = seen.page
ORDER BY seen.missing DESC, seen.views, page.host, page.path
LIMIT :limit
