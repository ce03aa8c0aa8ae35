-- A visitor's latest session, found again after sessions moved.
UPDATE visitor SET session = (SELECT id FROM session WHERE session.visitor = visitor.id ORDER BY start DESC LIMIT 1)
WHERE id = ?
