-- Events whose params cannot be read.
SELECT event.seq FROM event LEFT JOIN word AS facts ON facts.id = event.facts
WHERE json_valid(coalesce(event.more, '{}')) = 0 OR json_valid(coalesce(facts.value, '{}')) = 0
