-- Hovered elements. :actions is a JSON array in the order of events/labels.py, CONTEXTS; bit 4 of state: longer than
-- usual.
WITH counted AS (
    SELECT event.target AS target, event.action AS action, count(*) AS n, sum(event.state & 4 <> 0) AS unusual
    FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN (SELECT value FROM json_each(:actions)))
        AND event.target IS NOT NULL AND event.amount IS NOT NULL
    GROUP BY event.target, event.action
), element AS (
    SELECT counted.target * :element_contexts + kind.key AS element, counted.target AS target, kind.value AS action,
        counted.n AS n, counted.unusual AS unusual
    FROM counted JOIN word ON word.id = counted.action JOIN json_each(:actions) AS kind ON kind.value = word.value
)
SELECT element.element, page.host, page.path, target.name, element.action, element.n, element.unusual, count(*) OVER ()
FROM element
JOIN target ON target.id = element.target
JOIN page ON page.id = target.page
ORDER BY element.unusual DESC, element.n DESC, page.host, page.path, target.name, element.action
LIMIT :limit
