-- The events of a session, as one JSON array of seqs. :action NULL: all of them.
SELECT json_group_array(seq) FROM event WHERE session = :session AND (:action IS NULL OR action = :action)
