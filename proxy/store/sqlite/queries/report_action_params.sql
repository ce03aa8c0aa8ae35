-- What the events of an action said, by param and value. Params of few values are read once for all events that have the
-- same ones. A value is told by its JSON type; lists and objects are none, and one row of the type NULL.
WITH own AS MATERIALIZED (
    SELECT seq, uri, title, target, amount, facts, usual_ms, usual_n FROM event
    WHERE time >= :since AND time < :until AND lane = :lane AND action = (SELECT id FROM word WHERE value = :of)
), few AS MATERIALIZED (
    SELECT facts, count(*) AS n FROM own WHERE facts IS NOT NULL GROUP BY facts
), said (name, type, value, n) AS (
    SELECT one.key, one.type, one.atom, few.n
    FROM few JOIN word ON word.id = few.facts CROSS JOIN json_each(word.value) AS one
    UNION ALL
    SELECT one.key, one.type, one.atom, 1
    FROM own CROSS JOIN main.event AS whole ON whole.seq = own.seq CROSS JOIN json_each(whole.more) AS one
    WHERE whole.more IS NOT NULL
    UNION ALL
    SELECT :target_key, 'text', target.name, count(*) FROM own JOIN target ON target.id = own.target GROUP BY target.name
    UNION ALL
    SELECT 'uri', 'text', uri.value, count(*) FROM own JOIN uri ON uri.id = own.uri GROUP BY uri.id
    UNION ALL
    SELECT 'title', 'text', word.value, count(*) FROM own JOIN word ON word.id = own.title GROUP BY word.id
    UNION ALL
    SELECT 'referrer', 'text', word.value, count(*)
    FROM own CROSS JOIN main.event AS whole ON whole.seq = own.seq JOIN word ON word.id = whole.referrer GROUP BY word.id
    UNION ALL
    SELECT :amount_key, 'integer', amount, count(*) FROM own WHERE amount IS NOT NULL GROUP BY amount
    UNION ALL
    SELECT 'usual_ms', 'integer', usual_ms, count(*) FROM own WHERE usual_ms IS NOT NULL GROUP BY usual_ms
    UNION ALL
    SELECT 'usual_n', 'integer', usual_n, count(*) FROM own WHERE usual_ms IS NOT NULL GROUP BY usual_n
), valued AS MATERIALIZED (
    SELECT name, CASE WHEN type NOT IN ('array', 'object', 'null') THEN type END AS type, value, sum(n) AS n
    FROM said WHERE type <> 'null'
    GROUP BY 1, 2, 3
), number AS MATERIALIZED (
    SELECT name, value, sum(n) OVER (PARTITION BY name ORDER BY value) AS below, sum(n) OVER (PARTITION BY name) AS n
    FROM valued WHERE type IN ('integer', 'real')
), middle AS MATERIALIZED (
    SELECT name, min(value) AS median FROM number WHERE 2 * below >= n GROUP BY name
), param AS MATERIALIZED (
    SELECT name, sum(n) AS n, count(type) AS distinct_values,
        min(CASE WHEN type IN ('integer', 'real') THEN value END) AS lowest,
        max(CASE WHEN type IN ('integer', 'real') THEN value END) AS highest
    FROM valued GROUP BY name
), top AS MATERIALIZED (
    SELECT *, count(*) OVER () AS params FROM param ORDER BY n DESC, name LIMIT :params
), ranked AS MATERIALIZED (
    SELECT valued.name AS name, type, value, valued.n AS n,
        row_number() OVER (PARTITION BY valued.name ORDER BY valued.n DESC, value, type) AS place
    FROM valued JOIN top ON top.name = valued.name WHERE type IS NOT NULL
)
SELECT top.name, top.n, top.lowest, middle.median, top.highest, top.distinct_values, ranked.type, ranked.value, ranked.n, top.params
FROM top LEFT JOIN middle ON middle.name = top.name LEFT JOIN ranked ON ranked.name = top.name AND ranked.place <= :limit
ORDER BY top.n DESC, top.name, ranked.place
