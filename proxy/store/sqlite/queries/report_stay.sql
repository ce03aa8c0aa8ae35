-- Which events are of a session, in the order in which they happened. :time NULL begins with the first.
SELECT seq FROM event
WHERE session = :session AND (:time IS NULL OR (time, seq) > (:time, :key))
ORDER BY time, seq
LIMIT :limit
