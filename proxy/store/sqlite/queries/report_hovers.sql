-- Hovered elements. :actions is a JSON array; quantiles are nearest ranks; bit 4 of state: longer than usual.
WITH hover AS (
    SELECT event.target, event.action, event.amount, event.state & 4 <> 0 AS unusual,
        row_number() OVER (PARTITION BY event.target, event.action ORDER BY event.amount) AS place,
        count(*) OVER (PARTITION BY event.target, event.action) AS n,
        row_number() OVER (
            PARTITION BY event.target, event.action ORDER BY event.state & 4 DESC, event.amount DESC, event.seq
        ) AS longest,
        event.more
    FROM event
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN (SELECT value FROM json_each(:actions)))
        AND event.target IS NOT NULL AND event.amount IS NOT NULL
), element AS (
    SELECT target, action, n,
        max(CASE WHEN place = (n + 1) / 2 THEN amount END) AS median,
        max(CASE WHEN place = (n * 95 + 99) / 100 THEN amount END) AS p95,
        sum(unusual) AS unusual,
        max(CASE WHEN longest = 1 AND unusual THEN amount END) AS dwell,
        max(CASE WHEN longest = 1 AND unusual THEN more END) AS more
    FROM hover
    GROUP BY target, action
)
SELECT page.host, page.path, target.name, action.value, element.n, element.median, element.p95, element.unusual,
    element.dwell, json_extract(element.more, '$.usual_ms'), json_extract(element.more, '$.usual_n'), count(*) OVER ()
FROM element
JOIN target ON target.id = element.target
JOIN page ON page.id = target.page
JOIN word AS action ON action.id = element.action
ORDER BY element.unusual DESC, element.n DESC, page.host, page.path, target.name, action.value
LIMIT :limit
