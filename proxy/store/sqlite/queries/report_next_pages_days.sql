-- The same of whole days.
WITH counted AS (
    SELECT extra AS page, sum(n) AS n
    FROM (
        SELECT cell.extra AS extra, cell.n AS n
        FROM day CROSS JOIN cell ON cell.kind = :next AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = (SELECT id FROM page WHERE host = :host AND path = :path)
        WHERE day.id BETWEEN :first AND :last
        UNION ALL
        SELECT extra, n FROM fresh_cell
        WHERE kind = :next AND lane = :lane AND day BETWEEN :first AND :last
            AND subject = (SELECT id FROM page WHERE host = :host AND path = :path)
    )
    GROUP BY extra
    HAVING sum(n) <> 0
)
SELECT page.host, page.path, counted.n, count(*) OVER ()
FROM counted JOIN page ON page.id = counted.page
ORDER BY counted.n DESC, page.host, page.path
LIMIT :limit
