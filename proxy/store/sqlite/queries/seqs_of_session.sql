-- The events of a session, as one JSON array of seqs. :action NULL: all of them.
WITH RECURSIVE told (seq, back, action) AS (
    SELECT event.seq, event.back, event.action
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.id = :session
    UNION ALL
    SELECT event.seq, event.back, event.action
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT json_group_array(seq) FROM told WHERE :action IS NULL OR action = :action
