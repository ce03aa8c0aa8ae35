-- Events of a visitor that nothing has proven yet, as one JSON array of seqs.
WITH RECURSIVE told (seq, back, lane) AS (
    SELECT event.seq, event.back, event.lane
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.visitor = :visitor
    UNION ALL
    SELECT event.seq, event.back, event.lane
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT json_group_array(seq) FROM (
    SELECT seq FROM told WHERE lane = 1
    UNION ALL
    SELECT seq FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0 AND lane = 1
)
