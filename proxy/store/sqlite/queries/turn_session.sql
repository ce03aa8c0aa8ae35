-- A session with a person's page in it is a person's: its session.start and session.end.
UPDATE event SET lane = 2 WHERE session = ? AND lane = 1 AND action IN (?, ?)
