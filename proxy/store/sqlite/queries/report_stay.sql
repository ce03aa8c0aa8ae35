-- Which events are of a session, in the order in which they happened. :time NULL begins with the first.
WITH RECURSIVE told (seq) AS (
    SELECT top FROM session WHERE id = :session AND top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
SELECT event.seq FROM told CROSS JOIN event ON event.seq = told.seq
WHERE :time IS NULL OR (event.time, event.seq) > (:time, :key)
ORDER BY event.time, event.seq
LIMIT :limit
