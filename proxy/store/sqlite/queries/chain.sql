-- The page.visits of a session in their order: seq, time, uri.
SELECT json_group_array(json_array(seq, time, uri))
FROM (SELECT seq, time, uri FROM event WHERE session = ? AND action = ? ORDER BY time, seq)
