-- The bars of the chart. :edges is a JSON array of [since, until].
SELECT count(event.seq), count(DISTINCT event.visitor)
FROM json_each(:edges) AS slot
LEFT JOIN event ON event.time >= json_extract(slot.value, '$[0]') AND event.time < json_extract(slot.value, '$[1]')
    AND event.lane = :lane AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
GROUP BY slot.key
ORDER BY slot.key
