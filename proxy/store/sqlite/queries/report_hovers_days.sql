-- The same of whole days. Only elements that may be among the first :limit are looked up by name.
WITH marked AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM cell
    WHERE kind = :unusual AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
), hovered AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM cell
    WHERE kind = :hovered AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
), element AS MATERIALIZED (
    SELECT hovered.element AS element, hovered.n AS n, coalesce(marked.n, 0) AS unusual
    FROM hovered LEFT JOIN marked ON marked.element = hovered.element
), least AS MATERIALIZED (
    SELECT unusual, n FROM element ORDER BY unusual DESC, n DESC LIMIT 1 OFFSET :limit - 1
), top AS MATERIALIZED (
    SELECT element, element / :element_contexts AS target, element % :element_contexts AS context, n, unusual
    FROM element
    WHERE (unusual, n) >= (coalesce((SELECT unusual FROM least), 0), coalesce((SELECT n FROM least), 0))
)
SELECT top.element, page.host, page.path, target.name, kind.value, top.n, top.unusual, (SELECT count(*) FROM element)
FROM top
JOIN target ON target.id = top.target
JOIN page ON page.id = target.page
JOIN json_each(:actions) AS kind ON kind.key = top.context
ORDER BY top.unusual DESC, top.n DESC, page.host, page.path, target.name, kind.value
LIMIT :limit
