-- Page views of a time, one by one, with what was asked for and answered (state: visits.py).
SELECT event.time, page.host, page.path, uri.value, event.lane, coalesce(json_extract(facts.value, '$.nav'), ''),
    json_extract(facts.value, '$.status'), json_extract(facts.value, '$.method'), event.amount, event.state
FROM event
JOIN uri ON uri.id = event.uri
JOIN page ON page.id = uri.page
LEFT JOIN word AS facts ON facts.id = event.facts
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until
    AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
ORDER BY event.time, event.seq
