-- What was done with elements and forms.
INSERT INTO cell (kind, lane, day, subject, extra, n)
SELECT kind, lane, day, subject, extra, count(*)
FROM (
    SELECT :click AS kind, lane, day, target * :element_contexts + act.context AS subject, 0 AS extra
    FROM counted JOIN act ON act.word = counted.action AND act.kind = :click
    WHERE target IS NOT NULL
    UNION ALL
    SELECT :hover, lane, day, target * :element_contexts + act.context, bucket_of(amount)
    FROM counted JOIN act ON act.word = counted.action AND act.kind = :hover
    WHERE target IS NOT NULL AND amount IS NOT NULL
    UNION ALL
    SELECT :hovered, lane, day, target * :element_contexts + act.context, 0
    FROM counted JOIN act ON act.word = counted.action AND act.kind = :hover
    WHERE target IS NOT NULL AND amount IS NOT NULL
    UNION ALL
    SELECT :unusual, lane, day, target * :element_contexts + act.context, 0
    FROM counted JOIN act ON act.word = counted.action AND act.kind = :hover
    WHERE target IS NOT NULL AND amount IS NOT NULL AND state & 4
    UNION ALL
    SELECT :form, lane, day, target, :form_start
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'form.start') AND target IS NOT NULL
    UNION ALL
    SELECT :form, lane, day, target, :form_submit
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'form.submit') AND target IS NOT NULL
)
GROUP BY kind, lane, day, subject, extra
UNION ALL
SELECT :field, lane, day, target, text.word * 4 + what, sum(n)
FROM field JOIN text ON text.value = field.name
GROUP BY lane, day, target, text.word, what
