-- Forms by how often they were begun and sent.
WITH one AS MATERIALIZED (
    SELECT event.target AS target, event.visitor AS visitor,
        count(CASE WHEN action.value = 'form.start' THEN 1 END) AS started,
        count(CASE WHEN action.value = 'form.submit' THEN 1 END) AS submitted
    FROM event JOIN word AS action ON action.id = event.action
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN ('form.start', 'form.submit'))
        AND event.target IS NOT NULL
    GROUP BY event.target, event.visitor
), form AS (
    SELECT target, sum(started) AS started, sum(submitted) AS submitted,
        sum(:lane <> :person OR NOT EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor)) AS visitors
    FROM one
    GROUP BY target
)
SELECT form.target, page.host, page.path, target.name, form.started, form.submitted, form.visitors, count(*) OVER ()
FROM form
JOIN target ON target.id = form.target
JOIN page ON page.id = target.page
ORDER BY form.submitted DESC, form.started DESC, page.host, page.path, target.name
LIMIT :limit
