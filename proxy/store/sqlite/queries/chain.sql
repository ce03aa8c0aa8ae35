-- The page.visits of a session in their order: seq, time, uri. :top is its last event.
WITH RECURSIVE told (seq, back, time, action, uri) AS (
    SELECT event.seq, event.back, event.time, event.action, event.uri
    FROM event WHERE event.seq = :top
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.uri
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT json_group_array(json_array(seq, time, uri))
FROM (SELECT seq, time, uri FROM told WHERE action = :visit ORDER BY time, seq)
