-- A browser reported a title.
UPDATE uri SET title = ?1 WHERE id = ?2 AND title IS NOT ?1
