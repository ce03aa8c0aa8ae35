-- How long some elements were hovered over: a histogram of each. :elements is a JSON array, :actions as in report_hovers.
SELECT event.target * :element_contexts + kind.key, bucket_of(event.amount), count(*)
FROM event
JOIN word ON word.id = event.action
JOIN json_each(:actions) AS kind ON kind.value = word.value
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
    AND event.action IN (SELECT id FROM word WHERE value IN (SELECT value FROM json_each(:actions)))
    AND event.amount IS NOT NULL
    AND event.target * :element_contexts + kind.key IN (SELECT value FROM json_each(:elements))
GROUP BY 1, 2
ORDER BY 1, 2
