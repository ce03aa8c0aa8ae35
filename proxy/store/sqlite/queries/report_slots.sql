-- The bars of the chart. :edges is a JSON array of [since, until]; :low and :high are of all of them.
WITH visit AS MATERIALIZED (
    SELECT time, visitor FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
        AND action = (SELECT id FROM word WHERE value = 'page.visit')
), slot AS MATERIALIZED (
    SELECT key, json_extract(value, '$[0]') AS since, json_extract(value, '$[1]') AS until FROM json_each(:edges)
)
SELECT slot.key, count(*), count(DISTINCT visit.visitor)
FROM visit CROSS JOIN slot ON visit.time >= slot.since AND visit.time < slot.until
GROUP BY slot.key
