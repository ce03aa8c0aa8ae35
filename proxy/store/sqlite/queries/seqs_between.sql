-- Of the latest :most events of a session after a time and until another one those of an action, as one JSON array of
-- seqs. :action NULL: all of them.
SELECT json_group_array(seq)
FROM (
    SELECT seq, action FROM event
    WHERE session = :session AND time > :after AND time <= :until
    ORDER BY time DESC, seq DESC
    LIMIT :most
)
WHERE :action IS NULL OR action = :action
