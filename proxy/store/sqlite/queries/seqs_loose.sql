-- Events of a visitor outside any session, as one JSON array of seqs; a crawler's are not found.
SELECT json_group_array(seq) FROM event WHERE visitor = ? AND session IS NULL AND lane <> 0
