-- The row that an id stands for.
SELECT seq FROM recent_id WHERE id = ?
