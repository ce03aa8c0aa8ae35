-- Pages that the site was slow with, by how often; all their views, and how many sessions ended with such a one.
WITH seen AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS views, count(CASE WHEN event.amount >= :slow_ms THEN 1 END) AS slow
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
    GROUP BY uri.page
    HAVING count(CASE WHEN event.amount >= :slow_ms THEN 1 END) > 0
), gone AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS n
    FROM event JOIN session ON session.id = event.session AND session.trouble % 2 JOIN uri ON uri.id = session.uri
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
    GROUP BY uri.page
)
SELECT seen.page, page.host, page.path, seen.slow, seen.views, coalesce(gone.n, 0), count(*) OVER ()
FROM seen
JOIN page ON page.id = seen.page
LEFT JOIN gone ON gone.page = seen.page
ORDER BY seen.slow DESC, page.host, page.path
LIMIT :limit
