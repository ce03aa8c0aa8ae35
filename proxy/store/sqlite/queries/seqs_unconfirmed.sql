-- A visitor's events of an action, later than a time, that no browser has confirmed, as one JSON array of seqs; a
-- crawler's are not found. Of each session the latest :most that were told are looked through, and none that was told a
-- minute before that time, since it did not happen after it: a long session is not read.
WITH RECURSIVE told (seq, number) AS (
    SELECT top, 1 FROM session WHERE visitor = :visitor AND last > :after AND top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back, told.number + 1 FROM told CROSS JOIN event ON event.seq = told.seq
    WHERE event.back IS NOT NULL AND event.time + event.wait > :after - 60000 AND told.number < :most
)
SELECT json_group_array(seq) FROM (
    SELECT event.seq AS seq FROM told CROSS JOIN event ON event.seq = told.seq
    WHERE event.action = :action AND event.time > :after AND event.state & 1 = 0
    UNION ALL
    SELECT seq FROM event
    WHERE visitor = :visitor AND session IS NULL AND lane <> 0
        AND action = :action AND time > :after AND state & 1 = 0
)
