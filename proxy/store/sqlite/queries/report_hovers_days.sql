-- The same of whole days. Who is among the first :limit was longer than usual as often as the :limit-th of those; where
-- there are fewer of those, or as often hovered over as the :limit-th of all. Only these are looked up by name.
WITH marked AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM counts
    WHERE kind = :unusual AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
), hovered AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM counts
    WHERE kind = :hovered AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
), least AS MATERIALIZED (
    SELECT (SELECT n FROM marked ORDER BY n DESC LIMIT 1 OFFSET :limit - 1) AS unusual
), top AS MATERIALIZED (
    SELECT hovered.element AS element, hovered.element / :element_contexts AS target,
        hovered.element % :element_contexts AS context, hovered.n AS n, coalesce(marked.n, 0) AS unusual
    FROM least CROSS JOIN hovered LEFT JOIN marked ON marked.element = hovered.element
    WHERE CASE
        WHEN least.unusual IS NOT NULL THEN marked.n >= least.unusual
        ELSE marked.n IS NOT NULL
            OR hovered.n >= coalesce((SELECT n FROM hovered ORDER BY n DESC LIMIT 1 OFFSET :limit - 1), 0)
    END
)
SELECT top.element, page.host, page.path, target.name, kind.value, top.n, top.unusual, (SELECT count(*) FROM hovered)
FROM top
JOIN target ON target.id = top.target
JOIN page ON page.id = target.page
JOIN json_each(:actions) AS kind ON kind.key = top.context
ORDER BY top.unusual DESC, top.n DESC, page.host, page.path, target.name, kind.value
LIMIT :limit
