-- A session of a twin becomes the other visitor's.
UPDATE session SET visitor = ? WHERE id = ?
