-- Pages by views. The title is that of the latest visit that has one: SQLite takes it from the row of max().
WITH seen AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS views, count(DISTINCT event.visitor) AS visitors,
        max(CASE WHEN event.title IS NOT NULL THEN event.seq END) AS titled, event.title AS title
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
    GROUP BY uri.page
), entered AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS n
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
    GROUP BY uri.page
), used AS MATERIALIZED (
    SELECT event.view AS view, sum(event.amount) AS ms
    FROM event
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.leave')
        AND event.view IS NOT NULL AND event.amount IS NOT NULL
    GROUP BY event.view
), ranked AS MATERIALIZED (
    SELECT uri.page AS page, used.ms AS ms, row_number() OVER (PARTITION BY uri.page ORDER BY used.ms) AS place,
        count(*) OVER (PARTITION BY uri.page) AS n
    FROM used JOIN event AS view ON view.seq = used.view JOIN uri ON uri.id = view.uri
), middle AS MATERIALIZED (
    SELECT page, ms FROM ranked WHERE place = (n + 1) / 2
), top AS MATERIALIZED (
    SELECT seen.page AS page, page.host AS host, page.path AS path, seen.views AS views, seen.visitors AS visitors,
        CASE WHEN seen.titled IS NOT NULL THEN seen.title END AS title
    FROM seen JOIN page ON page.id = seen.page
    ORDER BY seen.views DESC, seen.visitors DESC, page.host, page.path
    LIMIT :limit
)
SELECT top.host, top.path, word.value, top.views, top.visitors, coalesce(entered.n, 0), middle.ms,
    (SELECT count(*) FROM seen)
FROM top
LEFT JOIN word ON word.id = top.title
LEFT JOIN entered ON entered.page = top.page
LEFT JOIN middle ON middle.page = top.page
ORDER BY top.views DESC, top.visitors DESC, top.host, top.path
