-- The events of a session from the last one, :top, down to the first one below :low, as one JSON array of seqs.
WITH RECURSIVE told (seq) AS (
    SELECT :top WHERE :top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
        AND told.seq >= :low
)
SELECT json_group_array(seq) FROM told
