-- The same of whole days.
WITH used AS MATERIALIZED (
    SELECT subject AS target, sum(CASE WHEN kind = :form_visitors AND extra < :first THEN n ELSE 0 END) AS visitors,
        sum(CASE WHEN kind = :form AND extra = :form_start THEN n ELSE 0 END) AS started,
        sum(CASE WHEN kind = :form AND extra = :form_submit THEN n ELSE 0 END) AS submitted
    FROM counts
    WHERE kind IN (:form, :form_visitors) AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING started <> 0 OR submitted <> 0
)
SELECT used.target, page.host, page.path, target.name, used.started, used.submitted, used.visitors, count(*) OVER ()
FROM used
JOIN target ON target.id = used.target
JOIN page ON page.id = target.page
ORDER BY used.submitted DESC, used.started DESC, page.host, page.path, target.name
LIMIT :limit
