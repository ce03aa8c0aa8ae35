-- Of the events of an action: how many, and of how many visitors, those of whom a browser keeps no cookie apart.
WITH one AS MATERIALIZED (
    SELECT visitor, count(*) AS n FROM event
    WHERE time >= :since AND time < :until AND lane = :lane AND action = (SELECT id FROM word WHERE value = :of)
    GROUP BY visitor
), known AS MATERIALIZED (
    SELECT n, lane.is_person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor) AS is_beside
    FROM one, (SELECT :lane = :person AS is_person) AS lane
)
SELECT coalesce(sum(n), 0), count(CASE WHEN NOT is_beside THEN 1 END), count(CASE WHEN is_beside THEN 1 END) FROM known
