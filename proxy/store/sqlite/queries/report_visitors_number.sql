-- How many visitors a span has, and how many of whom a browser keeps no cookie.
WITH one AS MATERIALIZED (
    SELECT DISTINCT visitor FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
        AND (action = (SELECT id FROM word WHERE value = 'page.visit')
            OR (action = (SELECT id FROM word WHERE value = 'session.start') AND uri IS NULL))
), known AS MATERIALIZED (
    SELECT :lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = one.visitor) AS is_beside FROM one
)
SELECT count(CASE WHEN NOT is_beside THEN 1 END), count(CASE WHEN is_beside THEN 1 END) FROM known
