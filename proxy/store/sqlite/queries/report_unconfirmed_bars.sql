-- People's page views, and those of them that no browser has confirmed, by the place of a bar (report_slots.sql). Of those
-- since :settled it is not known yet.
SELECT bar_of(time), count(*), sum(NOT state & 1)
FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :person
    AND action = (SELECT id FROM word WHERE value = 'page.visit') AND (state & 1 OR time < :settled)
GROUP BY bar_of(time)
