-- Fields of forms: how often they were changed, sent filled, and refused; of each form the :most used ones. :forms is a
-- JSON array of targets.
WITH form AS MATERIALIZED (
    SELECT event.target AS target, event.action AS action, own.more AS more
    FROM event CROSS JOIN main.event AS own ON own.seq = event.seq
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN ('field.change', 'form.submit'))
        AND event.target IN (SELECT value FROM json_each(:forms)) AND own.more IS NOT NULL
), told AS (
    SELECT target, CAST(json_extract(more, '$.field') AS TEXT) AS name, 1 AS changed, 0 AS filled, 0 AS skipped
    FROM form
    WHERE action = (SELECT id FROM word WHERE value = 'field.change') AND json_type(more, '$.field') = 'text'
    UNION ALL
    SELECT target, field.key, 0, 1, 0
    FROM form JOIN json_each(form.more, '$.fields') AS field
    WHERE action = (SELECT id FROM word WHERE value = 'form.submit') AND json_type(more, '$.fields') = 'object'
    UNION ALL
    SELECT target, field.key, 0, 0, 1
    FROM form JOIN json_each(form.more, '$.skipped') AS field
    WHERE action = (SELECT id FROM word WHERE value = 'form.submit') AND json_type(more, '$.skipped') = 'object'
), summed AS (
    SELECT target, name, sum(changed) AS changed, sum(filled) AS filled, sum(skipped) AS skipped
    FROM told
    GROUP BY target, name
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY target ORDER BY filled DESC, changed DESC, name) AS place FROM summed
)
SELECT target, name, changed, filled, skipped FROM ranked WHERE place <= :most ORDER BY target, place
