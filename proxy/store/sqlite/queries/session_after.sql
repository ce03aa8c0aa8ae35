-- The :look-th session after a place.
SELECT id FROM session WHERE id > :place ORDER BY id LIMIT 1 OFFSET :look - 1
