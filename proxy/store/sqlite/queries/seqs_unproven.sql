-- Events of a visitor that nothing has proven yet, as one JSON array of seqs.
WITH RECURSIVE told (seq) AS (
    SELECT top FROM session WHERE visitor = :visitor AND top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
SELECT json_group_array(seq) FROM (
    SELECT event.seq AS seq FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.lane = 1
    UNION ALL
    SELECT seq FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0 AND lane = 1
)
