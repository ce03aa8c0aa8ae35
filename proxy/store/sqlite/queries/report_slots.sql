-- The bars of the chart, by place; bar_of finds a time's. Some of these lie between two bars, at none.
WITH one AS MATERIALIZED (
    SELECT bar_of(time) AS bar, visitor,
        count(CASE WHEN action = (SELECT id FROM word WHERE value = 'page.visit') THEN 1 END) AS views
    FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
        AND (action = (SELECT id FROM word WHERE value = 'page.visit')
            OR (action = (SELECT id FROM word WHERE value = 'session.start') AND uri IS NULL))
    GROUP BY bar_of(time), visitor
)
SELECT bar, sum(views),
    sum(:lane <> :person OR NOT EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor))
FROM one
GROUP BY bar
