-- The events of a session from the last one, :top, down to the first one below :low, as one JSON array of seqs.
WITH RECURSIVE told (seq, back) AS (
    SELECT event.seq, event.back
    FROM event WHERE event.seq = :top
    UNION ALL
    SELECT event.seq, event.back
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back WHERE told.seq >= :low
)
SELECT json_group_array(seq) FROM told
