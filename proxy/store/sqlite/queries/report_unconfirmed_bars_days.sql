-- The same of whole days, also those of which it is not known yet. :edges is a JSON array of [place, first, last].
SELECT json_extract(slot.value, '$[0]'), sum(counts.n), sum(CASE counts.extra WHEN :unconfirmed THEN counts.n ELSE 0 END)
FROM json_each(:edges) AS slot
CROSS JOIN counts ON counts.kind = :views AND counts.lane = :person
    AND counts.day BETWEEN json_extract(slot.value, '$[1]') AND json_extract(slot.value, '$[2]')
GROUP BY slot.key
