-- The latest events of a session by time, as one JSON array of seqs.
SELECT json_group_array(seq) FROM (SELECT seq FROM event WHERE session = ? ORDER BY time DESC, seq DESC LIMIT ?)
