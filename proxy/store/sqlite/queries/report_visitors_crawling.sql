-- The same of crawlers, who have no sessions and whom no index knows.
WITH visit AS MATERIALIZED (
    SELECT visitor, time, seq, uri, title FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
        AND action = (SELECT id FROM word WHERE value = 'page.visit')
        AND visitor IN (SELECT value FROM json_each(:keys))
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY visitor ORDER BY time DESC, seq DESC) AS place,
        count(*) OVER (PARTITION BY visitor) AS views, min(time) OVER (PARTITION BY visitor) AS first
    FROM visit
)
SELECT placed.visitor, visitor.uuid, placed.views, 0, placed.first, placed.time, uri.value, title.value, NULL, 0
FROM placed
JOIN visitor ON visitor.id = placed.visitor
LEFT JOIN uri ON uri.id = placed.uri
LEFT JOIN word AS title ON title.id = placed.title
WHERE placed.place = 1
ORDER BY placed.time DESC, placed.visitor DESC
