-- The page.visits of a session in their order: seq, time, uri, and what tells of trouble: facts, amount. :top is its last
-- event.
WITH RECURSIVE told (seq, back, time, action, uri, facts, amount) AS (
    SELECT event.seq, event.back, event.time, event.action, event.uri, event.facts, event.amount
    FROM event WHERE event.seq = :top
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.uri, event.facts, event.amount
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT json_group_array(json_array(seq, time, uri, facts, amount))
FROM (SELECT * FROM told WHERE action = :visit ORDER BY time, seq)
