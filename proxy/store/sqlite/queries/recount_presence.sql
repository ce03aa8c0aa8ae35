-- How often visitors were there, in an hour, on a page, clicked an element, began or sent a form.
INSERT INTO presence (visitor, kind, subject, lane, day, n)
SELECT visitor, kind, subject,
    CASE WHEN lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = visitor) THEN :beside ELSE lane END,
    day, count(*)
FROM (
    SELECT visitor, :views AS kind, 0 AS subject, lane, day
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT visitor, :hour, time / :hour_ms, lane, day
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT visitor, :views, 0, lane, day
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'session.start') AND uri IS NULL
    UNION ALL
    SELECT visitor, :hour, time / :hour_ms, lane, day
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'session.start') AND uri IS NULL
    UNION ALL
    SELECT visitor, :page, uri.page, lane, day
    FROM counted JOIN uri ON uri.id = counted.uri
    WHERE action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT visitor, :click, target * :element_contexts + act.context, lane, day
    FROM counted JOIN act ON act.word = counted.action AND act.kind = :click
    WHERE target IS NOT NULL
    UNION ALL
    SELECT visitor, :form, target, lane, day
    FROM counted
    WHERE action IN (SELECT id FROM word WHERE value IN ('form.start', 'form.submit')) AND target IS NOT NULL
)
GROUP BY 1, 2, 3, 4, 5
