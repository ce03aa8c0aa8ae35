-- How far people come with a form: views of its page, its form.start and form.submit events, and its form.result events
-- by outcome.
WITH form AS MATERIALIZED (
    SELECT target.id AS id FROM page JOIN target ON target.page = page.id
    WHERE page.host = :host AND page.path = :path AND target.name = :name
), did AS MATERIALIZED (
    SELECT CASE action.value WHEN 'form.result' THEN json_extract(facts.value, '$.outcome') ELSE action.value END AS what,
        event.visitor AS visitor, count(*) AS n
    FROM event JOIN word AS action ON action.id = event.action
    LEFT JOIN main.event AS own ON own.seq = event.seq AND action.value = 'form.result'
    LEFT JOIN word AS facts ON facts.id = own.facts
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND (
            event.target = (SELECT id FROM form)
                AND event.action IN (
                    SELECT id FROM word WHERE value IN ('form.start', 'form.submit', 'form.result')
                )
            OR event.action = (SELECT id FROM word WHERE value = 'page.visit') AND event.uri IN (
                SELECT uri.id FROM page JOIN uri ON uri.page = page.id WHERE page.host = :host AND page.path = :path
            )
        )
    GROUP BY what, event.visitor
), known AS (
    SELECT *, :lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = did.visitor) AS is_beside FROM did
)
SELECT what, sum(n), sum(NOT is_beside), sum(is_beside) FROM known WHERE what IS NOT NULL GROUP BY what
