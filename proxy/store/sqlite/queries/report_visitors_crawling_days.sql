-- The same of whole days: only the first and the last day of each are read.
WITH there AS MATERIALIZED (
    SELECT presence.visitor AS visitor, sum(presence.n) AS views, min(presence.day) AS early, max(presence.day) AS late
    FROM json_each(:keys) AS wanted CROSS JOIN presence ON presence.visitor = wanted.value AND presence.kind = :views
        AND presence.subject = 0 AND presence.lane = :lane AND presence.day BETWEEN :first AND :last
    GROUP BY presence.visitor
), part AS MATERIALIZED (
    SELECT day.start AS start, day.until AS until, min(reach.first) AS low, max(reach.last) AS high
    FROM (SELECT early AS id FROM there UNION SELECT late FROM there) AS wanted
    JOIN day ON day.id = wanted.id
    JOIN reach ON reach.slot BETWEEN day.start / :reach_ms AND (day.until - 1) / :reach_ms
    GROUP BY day.id
), visit AS MATERIALIZED (
    SELECT event.visitor AS visitor, event.time AS time, event.seq AS seq, event.uri AS uri, event.title AS title
    FROM part CROSS JOIN event ON event.seq BETWEEN part.low AND part.high
        AND event.time >= part.start AND event.time < part.until
    WHERE event.lane = :lane AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND event.visitor IN (SELECT visitor FROM there)
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY visitor ORDER BY time DESC, seq DESC) AS place,
        min(time) OVER (PARTITION BY visitor) AS first
    FROM visit
)
SELECT placed.visitor, visitor.uuid, there.views, 0, placed.first, placed.time, uri.value, title.value, NULL, 0
FROM placed
JOIN there ON there.visitor = placed.visitor
JOIN visitor ON visitor.id = placed.visitor
LEFT JOIN uri ON uri.id = placed.uri
LEFT JOIN word AS title ON title.id = placed.title
WHERE placed.place = 1
ORDER BY placed.time DESC, placed.visitor DESC
