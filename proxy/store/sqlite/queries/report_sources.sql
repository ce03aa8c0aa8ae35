-- Where sessions came from; the last but one column counts all of them, whatever the limit. A referrer is a cleaned
-- URI: its host is what stands between :// and the next slash.
WITH start AS (
    SELECT CASE WHEN instr(referrer.value, '://') THEN substr(referrer.value, instr(referrer.value, '://') + 3) END AS rest,
        facts.value AS facts, page.host AS host
    FROM event
    LEFT JOIN word AS referrer ON referrer.id = event.referrer
    LEFT JOIN word AS facts ON facts.id = event.facts
    LEFT JOIN uri ON uri.id = event.uri
    LEFT JOIN page ON page.id = uri.page
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
), told AS (
    SELECT CASE WHEN instr(rest, '/') THEN substr(rest, 1, instr(rest, '/') - 1) ELSE rest END AS referrer,
        json_extract(facts, '$.utm_source') AS source, json_extract(facts, '$.utm_medium') AS medium,
        json_extract(facts, '$.utm_campaign') AS campaign, host
    FROM start
)
SELECT referrer, source, medium, campaign, host, count(*) AS n, sum(count(*)) OVER (), count(*) OVER ()
FROM told
GROUP BY referrer, source, medium, campaign, host
ORDER BY n DESC, referrer, source, medium, campaign, host
LIMIT :limit
