-- The title that a browser last reported for a uri.
SELECT title FROM uri WHERE id = ?
