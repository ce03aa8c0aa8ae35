-- How many visitors a span has.
SELECT count(DISTINCT visitor) FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
    AND (action = (SELECT id FROM word WHERE value = 'page.visit')
        OR (action = (SELECT id FROM word WHERE value = 'session.start') AND uri IS NULL))
