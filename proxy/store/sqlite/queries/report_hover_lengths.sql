-- How long some elements were hovered over: a histogram of each. :elements is a JSON array, :actions as in report_hovers.
WITH lasted AS (
    SELECT event.target AS target, event.action AS action, bucket_of(event.amount) AS bucket, count(*) AS n
    FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.target IN (SELECT value / :element_contexts FROM json_each(:elements))
        AND event.action IN (SELECT id FROM word WHERE value IN (SELECT value FROM json_each(:actions)))
        AND event.amount IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT lasted.target * :element_contexts + kind.key, lasted.bucket, lasted.n
FROM lasted JOIN word ON word.id = lasted.action JOIN json_each(:actions) AS kind ON kind.value = word.value
WHERE lasted.target * :element_contexts + kind.key IN (SELECT value FROM json_each(:elements))
ORDER BY 1, 2
