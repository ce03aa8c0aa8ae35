-- What waits to be entered, in its order.
SELECT id FROM staged WHERE id > 0 ORDER BY id
