-- Which events are of a session, in the order in which they happened.
SELECT seq FROM event WHERE session = :session ORDER BY time, seq LIMIT :limit
