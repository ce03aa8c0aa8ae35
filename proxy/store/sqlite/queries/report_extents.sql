-- The same of many spans. :edges is a JSON array of [since, until].
SELECT coalesce(min(day.id), 1), coalesce(max(day.id), 0), coalesce(min(
    day.start >= json_extract(slot.value, '$[0]') AND day.until <= json_extract(slot.value, '$[1]')
), 1)
FROM json_each(:edges) AS slot
LEFT JOIN day ON day.start < json_extract(slot.value, '$[1]') AND day.until > json_extract(slot.value, '$[0]')
GROUP BY slot.key
ORDER BY slot.key
