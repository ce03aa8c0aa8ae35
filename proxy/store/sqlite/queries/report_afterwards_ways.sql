-- Which other pages came next, by number. As report_afterwards.sql.
WITH own AS MATERIALIZED (
    SELECT uri.id FROM page JOIN uri ON uri.page = page.id WHERE page.host = :host AND page.path = :path
), visit AS (
    SELECT event.session AS session, event.time AS time, event.lane AS lane, event.uri AS uri, event.amount AS amount,
        event.facts AS facts, uri.page AS page,
        lead(uri.page) OVER (PARTITION BY event.session ORDER BY event.time, event.seq) AS next
    FROM event LEFT JOIN uri ON uri.id = event.uri
    WHERE event.action = (SELECT id FROM word WHERE value = 'page.visit')
), trouble AS (
    SELECT visit.session AS session, visit.page AS page, visit.next AS next
    FROM visit LEFT JOIN word AS facts ON facts.id = visit.facts
    WHERE visit.time >= :since AND visit.time < :until AND visit.lane = :lane AND visit.uri IN (SELECT id FROM own)
        AND CASE WHEN :status IS NULL THEN visit.amount >= :slow_ms
            ELSE json_type(facts.value, '$.status') = 'integer' AND facts.value ->> '$.status' = :status END
)
SELECT page.host, page.path, count(*), count(*) OVER ()
FROM trouble JOIN page ON page.id = trouble.next
WHERE trouble.session IS NOT NULL AND trouble.next <> trouble.page
GROUP BY trouble.next
ORDER BY count(*) DESC, page.host, page.path
LIMIT :limit
