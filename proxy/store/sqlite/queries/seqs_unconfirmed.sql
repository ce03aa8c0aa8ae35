-- A visitor's events of an action, later than a time, that no browser has confirmed, as one JSON array of seqs; a
-- crawler's are not found. Of each session the latest :most that were told are looked through, and none that was told a
-- minute before that time, since it did not happen after it: a long session is not read.
WITH RECURSIVE told (seq, back, time, wait, action, state, number) AS (
    SELECT event.seq, event.back, event.time, event.wait, event.action, event.state, 1
    FROM session CROSS JOIN event ON event.seq = session.top
    WHERE session.visitor = :visitor AND session.last > :after
    UNION ALL
    SELECT event.seq, event.back, event.time, event.wait, event.action, event.state, told.number + 1
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
    WHERE told.time + told.wait > :after - 60000 AND told.number < :most
)
SELECT json_group_array(seq) FROM (
    SELECT seq FROM told WHERE action = :action AND time > :after AND state & 1 = 0
    UNION ALL
    SELECT seq FROM event
    WHERE visitor = :visitor AND session IS NULL AND lane <> 0
        AND action = :action AND time > :after AND state & 1 = 0
)
