-- People's page views that no browser has confirmed yet, by the place of a bar.
SELECT bar_of(time), count(*)
FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :person
    AND action = (SELECT id FROM word WHERE value = 'page.visit') AND NOT state & 1
GROUP BY bar_of(time)
