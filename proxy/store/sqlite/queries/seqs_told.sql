-- What was told of a session after an event: of the latest :most of those the ones of a time and an action, as one JSON
-- array of seqs. :action NULL: all of them.
SELECT json_group_array(seq)
FROM (
    SELECT seq, time, action FROM event
    WHERE session = :session AND seq > :seq
    ORDER BY seq DESC
    LIMIT :most
)
WHERE time > :after AND time <= :until AND (:action IS NULL OR action = :action)
