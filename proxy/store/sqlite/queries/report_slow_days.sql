-- The same of whole days. All views are looked up day by day, of the pages that are shown only: see report_pages_days.sql.
WITH slow AS MATERIALIZED (
    SELECT subject AS page, sum(n) AS n FROM counts
    WHERE kind = :slow AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
), first AS MATERIALIZED (
    SELECT slow.page AS page, page.host AS host, page.path AS path, slow.n AS n, count(*) OVER () AS total
    FROM slow JOIN page ON page.id = slow.page
    ORDER BY slow.n DESC, page.host, page.path
    LIMIT :limit
), other AS MATERIALIZED (
    SELECT page, sum(CASE kind WHEN :page THEN n ELSE 0 END) AS views,
        sum(CASE kind WHEN :slow_exit THEN n ELSE 0 END) AS exits
    FROM (
        SELECT first.page AS page, cell.kind AS kind, cell.n AS n
        FROM first CROSS JOIN day ON day.id BETWEEN :first AND :last
        CROSS JOIN cell ON cell.kind IN (:page, :slow_exit) AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = first.page
        UNION ALL
        SELECT subject, kind, n FROM fresh_cell
        WHERE kind IN (:page, :slow_exit) AND lane = :lane AND day BETWEEN :first AND :last
            AND subject IN (SELECT page FROM first)
    )
    GROUP BY page
)
SELECT first.page, first.host, first.path, first.n, coalesce(other.views, 0), coalesce(other.exits, 0), first.total
FROM first LEFT JOIN other ON other.page = first.page
ORDER BY first.n DESC, first.host, first.path
