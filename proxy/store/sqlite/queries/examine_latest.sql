-- Visitors whose latest session is not there, or is somebody else's.
SELECT visitor.id, visitor.session FROM visitor LEFT JOIN session ON session.id = visitor.session
WHERE visitor.session IS NOT NULL AND (session.id IS NULL OR session.visitor <> visitor.id)
