-- The same of whole days. Between :young_since and :young_until are those of which it is not known yet. Few pages have any:
-- all views are looked up of those only that may be among the first :limit (see report_pages_days.sql).
WITH young AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS n
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.seq BETWEEN :young_low AND :young_high AND event.time >= :young_since AND event.time < :young_until
        AND event.lane = :person AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND NOT event.state & 1
    GROUP BY uri.page
), missed AS MATERIALIZED (
    SELECT subject AS page, sum(n) AS n FROM counts
    WHERE kind = :page AND lane = :person AND day BETWEEN :first AND :last AND extra = :unconfirmed
    GROUP BY subject
), known AS MATERIALIZED (
    SELECT missed.page AS page, missed.n - coalesce(young.n, 0) AS missing, coalesce(young.n, 0) AS young
    FROM missed LEFT JOIN young ON young.page = missed.page
    WHERE missed.n > coalesce(young.n, 0)
), top AS MATERIALIZED (
    SELECT * FROM known
    WHERE missing >= coalesce((SELECT missing FROM known ORDER BY missing DESC LIMIT 1 OFFSET :limit - 1), 0)
), seen AS MATERIALIZED (
    SELECT page, sum(n) AS n
    FROM (
        SELECT top.page AS page, cell.n AS n
        FROM top CROSS JOIN day ON day.id BETWEEN :first AND :last
        CROSS JOIN cell ON cell.kind = :page AND cell.lane = :person AND cell.day = +day.id AND cell.subject = top.page
        UNION ALL
        SELECT subject, n FROM fresh_cell
        WHERE kind = :page AND lane = :person AND day BETWEEN :first AND :last AND subject IN (SELECT page FROM top)
    )
    GROUP BY page
)
SELECT page.host, page.path, seen.n - top.young, top.missing, (SELECT count(*) FROM known)
FROM top JOIN seen ON seen.page = top.page JOIN page ON page.id = top.page
ORDER BY top.missing DESC, seen.n - top.young, page.host, page.path
LIMIT :limit
