-- Fields of a form: how often and by whom they were changed, how often come back to, sent filled, and refused.
WITH form AS MATERIALIZED (
    SELECT action.value AS action, event.visitor AS visitor, own.more AS more, own.facts AS facts
    FROM event CROSS JOIN main.event AS own ON own.seq = event.seq JOIN word AS action ON action.id = event.action
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN ('field.change', 'form.submit'))
        AND event.target = (
            SELECT target.id FROM page JOIN target ON target.page = page.id
            WHERE page.host = :host AND page.path = :path AND target.name = :name
        )
        AND own.more IS NOT NULL
), told AS (
    SELECT CAST(json_extract(form.more, '$.field') AS TEXT) AS name, form.visitor AS visitor, 1 AS changed,
        coalesce(json_extract(facts.value, '$.refocus'), 0) AS refocus, 0 AS filled, 0 AS skipped
    FROM form LEFT JOIN word AS facts ON facts.id = form.facts
    WHERE form.action = 'field.change' AND json_type(form.more, '$.field') = 'text'
    UNION ALL
    SELECT field.key, form.visitor, 0, 0, 1, 0
    FROM form JOIN json_each(form.more, '$.fields') AS field
    WHERE form.action = 'form.submit' AND json_type(form.more, '$.fields') = 'object'
    UNION ALL
    SELECT field.key, form.visitor, 0, 0, 0, 1
    FROM form JOIN json_each(form.more, '$.skipped') AS field
    WHERE form.action = 'form.submit' AND json_type(form.more, '$.skipped') = 'object'
), one AS MATERIALIZED (
    SELECT name, visitor, sum(changed) AS changed, sum(refocus > 0) AS refocused, sum(refocus) AS refocus,
        sum(filled) AS filled, sum(skipped) AS skipped
    FROM told
    GROUP BY name, visitor
), known AS (
    SELECT *, :lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor) AS is_beside FROM one
)
SELECT name, sum(changed) AS changed, sum(changed > 0 AND NOT is_beside), sum(changed > 0 AND is_beside),
    sum(refocused), sum(refocus), sum(filled) AS filled, sum(skipped), count(*) OVER ()
FROM known
GROUP BY name
ORDER BY filled DESC, changed DESC, name
LIMIT :limit
