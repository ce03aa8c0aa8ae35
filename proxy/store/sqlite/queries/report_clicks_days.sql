-- The same of whole days, as in report_pages_days. :actions is in the order of events/labels.py, CONTEXTS.
WITH element AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM counts
    WHERE kind = :click AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
), top AS MATERIALIZED (
    SELECT element, n FROM element
    WHERE n >= coalesce((SELECT n FROM element ORDER BY n DESC LIMIT 1 OFFSET :limit - 1), 0)
), visited AS MATERIALIZED (
    SELECT element, element / :element_contexts AS target, element % :element_contexts AS context, clicks AS n,
        sum(n) AS visitors
    FROM (
        SELECT top.element AS element, top.n AS clicks, cell.n AS n
        FROM top CROSS JOIN day ON day.id BETWEEN :first AND :last
        CROSS JOIN cell ON cell.kind = :click_visitors AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = top.element AND cell.extra < :first
        UNION ALL
        SELECT element, n, 0 FROM top
        UNION ALL
        SELECT top.element, top.n, fresh_cell.n
        FROM fresh_cell JOIN top ON top.element = fresh_cell.subject
        WHERE fresh_cell.kind = :click_visitors AND fresh_cell.lane = :lane
            AND fresh_cell.day BETWEEN :first AND :last AND fresh_cell.extra < :first
    )
    GROUP BY element
)
SELECT page.host, page.path, target.name, kind.value, visited.n, visited.visitors, (SELECT count(*) FROM element)
FROM visited
JOIN target ON target.id = visited.target
JOIN page ON page.id = target.page
JOIN json_each(:actions) AS kind ON kind.key = visited.context
ORDER BY visited.n DESC, visited.visitors DESC, page.host, page.path, target.name, kind.value
LIMIT :limit
