-- Fields that were changed, sent filled, and not read.
INSERT INTO field (lane, day, target, name, what, n)
WITH form AS MATERIALIZED (
    SELECT lane, day, target, action, more FROM counted
    WHERE action IN (SELECT id FROM word WHERE value IN ('field.change', 'form.submit'))
        AND target IS NOT NULL AND more IS NOT NULL
), told AS (
    SELECT lane, day, target, CAST(json_extract(more, '$.field') AS TEXT) AS name, :field_changed AS what
    FROM form
    WHERE action = (SELECT id FROM word WHERE value = 'field.change') AND json_type(more, '$.field') = 'text'
    UNION ALL
    SELECT lane, day, target, field.key, :field_filled
    FROM form JOIN json_each(form.more, '$.fields') AS field
    WHERE action = (SELECT id FROM word WHERE value = 'form.submit') AND json_type(more, '$.fields') = 'object'
    UNION ALL
    SELECT lane, day, target, field.key, :field_skipped
    FROM form JOIN json_each(form.more, '$.skipped') AS field
    WHERE action = (SELECT id FROM word WHERE value = 'form.submit') AND json_type(more, '$.skipped') = 'object'
)
SELECT lane, day, target, CAST(name AS TEXT), what, count(*) FROM told GROUP BY lane, day, target, name, what
