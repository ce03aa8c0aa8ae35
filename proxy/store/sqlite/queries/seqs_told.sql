-- What was told of a session after an event: of the latest :most of those the ones of a time and an action, as one JSON
-- array of seqs. :action NULL: all of them.
WITH RECURSIVE told (seq, number) AS (
    SELECT top, 1 FROM session WHERE id = :session AND top > :seq
    UNION ALL
    SELECT event.seq - event.back, told.number + 1 FROM told CROSS JOIN event ON event.seq = told.seq
    WHERE event.seq - event.back > :seq AND told.number < :most
)
SELECT json_group_array(event.seq) FROM told CROSS JOIN event ON event.seq = told.seq
WHERE time > :after AND time <= :until AND (:action IS NULL OR action = :action)
