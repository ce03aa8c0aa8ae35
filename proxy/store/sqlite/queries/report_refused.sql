-- Refused events by reason, the latest first.
SELECT rejection.code, rejection.field, rejection.action, page.host, page.path, count(*), max(rejection.time),
    count(*) OVER ()
FROM rejection LEFT JOIN page ON page.id = rejection.page
WHERE rejection.time >= :since AND rejection.time < :until
GROUP BY rejection.code, rejection.field, rejection.action, rejection.page
ORDER BY max(rejection.time) DESC, rejection.code, rejection.field, rejection.action, page.path
LIMIT :limit
