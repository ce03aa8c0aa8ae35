-- Visitors by their last page view, or session of an app, in a span, the latest first.
SELECT visitor, max(time) FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
    AND (action = (SELECT id FROM word WHERE value = 'page.visit')
        OR (action = (SELECT id FROM word WHERE value = 'session.start') AND uri IS NULL))
GROUP BY visitor
ORDER BY max(time) DESC, visitor DESC
