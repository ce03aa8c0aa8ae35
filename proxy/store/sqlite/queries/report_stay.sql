-- Which events are of a session, in the order in which they happened. :time NULL begins with the first.
WITH RECURSIVE told (seq, back, time) AS (
    SELECT event.seq, event.back, event.time
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.id = :session
    UNION ALL
    SELECT event.seq, event.back, event.time
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT seq FROM told
WHERE :time IS NULL OR (time, seq) > (:time, :key)
ORDER BY time, seq
LIMIT :limit
