-- What the site answered to a form.
SELECT json_extract(facts.value, '$.outcome') AS outcome, json_extract(facts.value, '$.status') AS status, count(*) AS n
FROM event CROSS JOIN main.event AS own ON own.seq = event.seq JOIN word AS facts ON facts.id = own.facts
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
    AND event.action = (SELECT id FROM word WHERE value = 'form.result')
    AND event.target = (
        SELECT target.id FROM page JOIN target ON target.page = page.id
        WHERE page.host = :host AND page.path = :path AND target.name = :name
    )
    AND outcome IS NOT NULL AND status IS NOT NULL
GROUP BY outcome, status
ORDER BY n DESC, outcome, status
