-- The page of a uri, and its text.
SELECT page, value FROM uri WHERE id = ?
