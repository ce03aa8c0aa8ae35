-- Visitors by their last page view in a span, the latest first.
SELECT visitor, max(time) FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
    AND action = (SELECT id FROM word WHERE value = 'page.visit')
GROUP BY visitor
ORDER BY max(time) DESC, visitor DESC
