-- The row that an id stands for.
UPDATE recent_id SET seq = ? WHERE id = ?
