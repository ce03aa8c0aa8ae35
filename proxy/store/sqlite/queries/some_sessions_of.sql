-- Some sessions of a visitor.
SELECT id FROM session WHERE visitor = ? LIMIT ?
