-- The same of whole days, as in report_pages_days. :actions is in the order of events/labels.py, CONTEXTS.
WITH element AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM cell
    WHERE kind = :click AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
), top AS MATERIALIZED (
    SELECT element, n FROM element
    WHERE n >= coalesce((SELECT n FROM element ORDER BY n DESC LIMIT 1 OFFSET :limit - 1), 0)
), visited AS MATERIALIZED (
    SELECT top.element AS element, top.element / :element_contexts AS target, top.element % :element_contexts AS context,
        top.n AS n, sum(cell.n) AS visitors
    FROM top CROSS JOIN day ON day.id BETWEEN :first AND :last
    CROSS JOIN cell ON cell.kind = :click_visitors AND cell.lane = :lane AND cell.day = +day.id
        AND cell.subject = top.element AND cell.extra < :first
    GROUP BY top.element
)
SELECT page.host, page.path, target.name, kind.value, visited.n, visited.visitors, (SELECT count(*) FROM element)
FROM visited
JOIN target ON target.id = visited.target
JOIN page ON page.id = target.page
JOIN json_each(:actions) AS kind ON kind.key = visited.context
ORDER BY visited.n DESC, visited.visitors DESC, page.host, page.path, target.name, kind.value
LIMIT :limit
