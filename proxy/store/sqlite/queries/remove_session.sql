-- The other one of the two.
DELETE FROM session WHERE id = ?
