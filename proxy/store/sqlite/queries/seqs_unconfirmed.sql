-- A visitor's events of an action, later than a time, that no browser has confirmed, as one JSON array of seqs; a
-- crawler's are not found.
SELECT json_group_array(seq) FROM (
    SELECT event.seq
    FROM session JOIN event ON event.session = session.id
    WHERE session.visitor = :visitor AND session.last > :after
        AND event.action = :action AND event.time > :after AND event.state & 1 = 0
    UNION ALL
    SELECT seq FROM event
    WHERE visitor = :visitor AND session IS NULL AND lane <> 0
        AND action = :action AND time > :after AND state & 1 = 0
)
