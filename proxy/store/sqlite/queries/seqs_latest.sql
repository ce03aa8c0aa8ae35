-- The latest events of a session by time, as one JSON array of seqs.
WITH RECURSIVE told (seq) AS (
    SELECT top FROM session WHERE id = ?1 AND top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
SELECT json_group_array(seq)
FROM (
    SELECT event.seq AS seq FROM told CROSS JOIN event ON event.seq = told.seq
    ORDER BY event.time DESC, event.seq DESC
    LIMIT ?2
)
