-- The next page of a running session.
UPDATE session SET last = ?, uri = ?, pages = pages + 1, events = events + 1 WHERE id = ?
