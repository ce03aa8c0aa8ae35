-- The events of a session, as one JSON array of seqs. :action NULL: all of them.
WITH RECURSIVE told (seq) AS (
    SELECT top FROM session WHERE id = :session AND top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
SELECT json_group_array(event.seq) FROM told CROSS JOIN event ON event.seq = told.seq
WHERE :action IS NULL OR action = :action
