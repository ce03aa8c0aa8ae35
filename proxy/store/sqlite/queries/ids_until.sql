-- The id that ends a step through all of them.
SELECT id FROM recent_id WHERE id > :place ORDER BY id LIMIT 1 OFFSET :size
