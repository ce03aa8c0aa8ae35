-- What was told of a session after an event: of the latest :most of those the ones of a time and an action, as one JSON
-- array of seqs. :action NULL: all of them.
WITH RECURSIVE told (seq, back, time, action, number) AS (
    SELECT event.seq, event.back, event.time, event.action, 1
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.id = :session AND session.top > :seq
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, told.number + 1
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
    WHERE told.seq - told.back > :seq AND told.number < :most
)
SELECT json_group_array(seq) FROM told
WHERE time > :after AND time <= :until AND (:action IS NULL OR action = :action)
