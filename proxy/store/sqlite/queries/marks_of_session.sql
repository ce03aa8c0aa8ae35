-- The session.start or session.end rows of a session, first to last.
SELECT seq FROM event WHERE session = ? AND action = ? ORDER BY time, seq
