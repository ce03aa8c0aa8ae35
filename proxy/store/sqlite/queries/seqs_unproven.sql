-- Events of a visitor that nothing has proven yet, as one JSON array of seqs.
SELECT json_group_array(seq) FROM (
    SELECT seq FROM event WHERE lane = 1 AND session IN (SELECT id FROM session WHERE visitor = :visitor)
    UNION ALL
    SELECT seq FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0 AND lane = 1
)
