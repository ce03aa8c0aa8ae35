-- Pages by views.
WITH one AS MATERIALIZED (
    SELECT uri.page AS page, event.visitor AS visitor, count(*) AS views
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
    GROUP BY uri.page, event.visitor
), seen AS MATERIALIZED (
    SELECT page, sum(views) AS views,
        sum(:lane <> :person OR NOT EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor)) AS visitors
    FROM one
    GROUP BY page
), begun AS MATERIALIZED (
    SELECT entry.page AS entry, last.page AS last
    FROM event
    LEFT JOIN uri AS entry ON entry.id = event.uri
    LEFT JOIN session ON session.id = event.session
    LEFT JOIN uri AS last ON last.id = session.uri
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
), entered AS MATERIALIZED (
    SELECT entry AS page, count(*) AS n FROM begun GROUP BY entry
), gone AS MATERIALIZED (
    SELECT last AS page, count(*) AS n FROM begun GROUP BY last
)
SELECT seen.page, page.host, page.path, seen.views, seen.visitors, coalesce(entered.n, 0), coalesce(gone.n, 0),
    (SELECT count(*) FROM seen)
FROM seen
JOIN page ON page.id = seen.page
LEFT JOIN entered ON entered.page = seen.page
LEFT JOIN gone ON gone.page = seen.page
ORDER BY seen.views DESC, seen.visitors DESC, page.host, page.path
LIMIT :limit
