-- The same of whole days, where at least :limit elements were hovered over for longer than usual; nothing where fewer were.
-- Then the others need not be ranked, but only be counted, which is a third of the work: those that have a cell, and what
-- the latest cells add to them or take away.
WITH marked AS MATERIALIZED (
    SELECT subject AS element, sum(n) AS n FROM counts
    WHERE kind = :unusual AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING sum(n) <> 0
), least AS MATERIALIZED (
    SELECT n AS unusual FROM marked ORDER BY n DESC LIMIT 1 OFFSET :limit - 1
), top AS MATERIALIZED (
    SELECT marked.element AS element, marked.n AS unusual FROM least CROSS JOIN marked WHERE marked.n >= least.unusual
), hovered AS MATERIALIZED (
    SELECT element, sum(n) AS n
    FROM (
        SELECT top.element AS element, cell.n AS n
        FROM top CROSS JOIN day ON day.id BETWEEN :first AND :last
        CROSS JOIN cell ON cell.kind = :hovered AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = top.element
        UNION ALL
        SELECT subject, n FROM fresh_cell
        WHERE kind = :hovered AND lane = :lane AND day BETWEEN :first AND :last
            AND subject IN (SELECT element FROM top)
    )
    GROUP BY element
), late AS MATERIALIZED (
    SELECT fresh.subject AS element, fresh.n AS n, coalesce((
        SELECT sum(cell.n) FROM day CROSS JOIN cell ON cell.kind = :hovered AND cell.lane = :lane AND cell.day = +day.id
            AND cell.subject = fresh.subject
        WHERE day.id BETWEEN :first AND :last
    ), 0) AS before
    FROM (
        SELECT subject, sum(n) AS n FROM fresh_cell
        WHERE kind = :hovered AND lane = :lane AND day BETWEEN :first AND :last
        GROUP BY subject
    ) AS fresh
), number AS MATERIALIZED (
    SELECT (
        SELECT count(DISTINCT subject) FROM cell
        WHERE kind = :hovered AND lane = :lane AND day BETWEEN :first AND :last AND n <> 0
    ) + (SELECT coalesce(sum((before + n <> 0) - (before <> 0)), 0) FROM late) AS n
)
SELECT top.element, page.host, page.path, target.name, kind.value, hovered.n, top.unusual,
    (SELECT n FROM number) -- asked for only where there is a row
FROM top
JOIN hovered ON hovered.element = top.element
JOIN target ON target.id = top.element / :element_contexts
JOIN page ON page.id = target.page
JOIN json_each(:actions) AS kind ON kind.key = top.element % :element_contexts
ORDER BY top.unusual DESC, hovered.n DESC, page.host, page.path, target.name, kind.value
LIMIT :limit
