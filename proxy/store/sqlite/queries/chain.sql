-- The page.visits of a session in their order: seq, time, uri. :top is its last event.
WITH RECURSIVE told (seq) AS (
    SELECT :top WHERE :top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
SELECT json_group_array(json_array(seq, time, uri))
FROM (
    SELECT event.seq, event.time, event.uri FROM told CROSS JOIN event ON event.seq = told.seq
    WHERE event.action = :visit
    ORDER BY event.time, event.seq
)
