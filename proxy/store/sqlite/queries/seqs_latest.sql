-- The latest events of a session by time, as one JSON array of seqs.
WITH RECURSIVE told (seq, back, time) AS (
    SELECT event.seq, event.back, event.time
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.id = ?1
    UNION ALL
    SELECT event.seq, event.back, event.time
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT json_group_array(seq) FROM (SELECT seq FROM told ORDER BY time DESC, seq DESC LIMIT ?2)
