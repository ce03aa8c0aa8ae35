-- Clicked elements. :actions is a JSON array.
WITH one AS MATERIALIZED (
    SELECT event.target AS target, event.action AS action, event.visitor AS visitor, count(*) AS n
    FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN (SELECT value FROM json_each(:actions)))
        AND event.target IS NOT NULL
    GROUP BY event.target, event.action, event.visitor
), element AS (
    SELECT target, action, sum(n) AS n,
        sum(:lane <> :person OR NOT EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor)) AS visitors
    FROM one
    GROUP BY target, action
)
SELECT page.host, page.path, target.name, action.value, element.n, element.visitors, count(*) OVER ()
FROM element
JOIN target ON target.id = element.target
JOIN page ON page.id = target.page
JOIN word AS action ON action.id = element.action
ORDER BY element.n DESC, element.visitors DESC, page.host, page.path, target.name, action.value
LIMIT :limit
