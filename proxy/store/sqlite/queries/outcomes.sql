-- Requests by what became of them.
SELECT outcome.day, host.value, name.value, outcome.n
FROM outcome JOIN word AS host ON host.id = outcome.host JOIN word AS name ON name.id = outcome.name
ORDER BY outcome.day, host.value, name.value
