-- A session is over.
UPDATE session SET reason = ? WHERE id = ?
