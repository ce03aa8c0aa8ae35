-- Events of a visitor outside any session, of an action, after :after and until :until, as one JSON array of seqs; a
-- crawler's are not found.
SELECT json_group_array(seq) FROM event
WHERE visitor = :visitor AND session IS NULL AND lane <> 0 AND action = :action AND time > :after AND time <= :until
