-- How long the site took for slow views of some pages: a histogram of each. :pages is a JSON array.
SELECT uri.page, bucket_of(event.amount), count(*)
FROM event JOIN uri ON uri.id = event.uri
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
    AND event.action = (SELECT id FROM word WHERE value = 'page.visit') AND event.amount >= :slow_ms
    AND uri.page IN (SELECT value FROM json_each(:pages))
GROUP BY uri.page, bucket_of(event.amount)
ORDER BY uri.page, bucket_of(event.amount)
