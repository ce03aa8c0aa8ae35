-- The same of whole days. Whose views are fewer than those of the :limit-th is not among the first :limit; the others
-- are looked up day by day, since the days come before the subject in the table's key. (+: or SQLite would conclude that
-- cell.day is between :first and :last, and look at all of these cells for each.)
WITH seen AS MATERIALIZED (
    SELECT subject AS page, sum(n) AS views FROM counts
    WHERE kind = :page AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
), top AS MATERIALIZED (
    SELECT page, views FROM seen
    WHERE views >= coalesce((SELECT views FROM seen ORDER BY views DESC LIMIT 1 OFFSET :limit - 1), 0)
), visited AS MATERIALIZED (
    SELECT page, sum(n) AS n
    FROM (
        SELECT top.page AS page, cell.n AS n
        FROM top CROSS JOIN day ON day.id BETWEEN :first AND :last
        CROSS JOIN cell ON cell.kind = :page_visitors AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = top.page AND cell.extra < :first
        UNION ALL
        SELECT subject, n FROM fresh_cell
        WHERE kind = :page_visitors AND lane = :lane AND day BETWEEN :first AND :last AND extra < :first
            AND subject IN (SELECT page FROM top)
    )
    GROUP BY page
), first AS MATERIALIZED (
    SELECT top.page AS page, page.host AS host, page.path AS path, top.views AS views, coalesce(visited.n, 0) AS visitors
    FROM top LEFT JOIN visited ON visited.page = top.page JOIN page ON page.id = top.page
    ORDER BY top.views DESC, coalesce(visited.n, 0) DESC, page.host, page.path
    LIMIT :limit
), session AS MATERIALIZED (
    SELECT page, sum(CASE kind WHEN :entry THEN n ELSE 0 END) AS entries,
        sum(CASE kind WHEN :exit THEN n ELSE 0 END) AS exits
    FROM (
        SELECT first.page AS page, cell.kind AS kind, cell.n AS n
        FROM first CROSS JOIN day ON day.id BETWEEN :first AND :last
        CROSS JOIN cell ON cell.kind IN (:entry, :exit) AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = first.page AND cell.extra = 0
        UNION ALL
        SELECT subject, kind, n FROM fresh_cell
        WHERE kind IN (:entry, :exit) AND lane = :lane AND day BETWEEN :first AND :last
            AND subject IN (SELECT page FROM first)
    )
    GROUP BY page
)
SELECT first.page, first.host, first.path, first.views, first.visitors, coalesce(session.entries, 0),
    coalesce(session.exits, 0), (SELECT count(*) FROM seen)
FROM first LEFT JOIN session ON session.page = first.page
ORDER BY first.views DESC, first.visitors DESC, first.host, first.path
