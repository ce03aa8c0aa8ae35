-- Requests by what became of them, on some days.
SELECT name.value, sum(outcome.n)
FROM outcome JOIN word AS name ON name.id = outcome.name
WHERE outcome.day BETWEEN :first AND :last
GROUP BY outcome.name
ORDER BY sum(outcome.n) DESC, name.value
