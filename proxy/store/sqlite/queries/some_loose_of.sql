-- Some events of a visitor outside any session, as one JSON array of seqs.
SELECT json_group_array(seq) FROM (SELECT seq FROM event WHERE visitor = ? AND session IS NULL AND lane <> 0 LIMIT ?)
