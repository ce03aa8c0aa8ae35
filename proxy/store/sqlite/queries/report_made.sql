-- Page views by lane and by how they came to be known: a status is what only the server sees (state: visits.py).
WITH made AS (
    SELECT lane, facts, state & 2 AS healed, count(*) AS n
    FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until
        AND action = (SELECT id FROM word WHERE value = 'page.visit')
    GROUP BY lane, facts, healed
)
SELECT made.lane, json_extract(facts.value, '$.status') IS NOT NULL AS served, made.healed,
    coalesce(json_extract(facts.value, '$.nav'), '') AS nav, sum(made.n)
FROM made LEFT JOIN word AS facts ON facts.id = made.facts
GROUP BY made.lane, served, made.healed, nav
