-- The :look-th address after a place.
SELECT id FROM uri WHERE id > :place ORDER BY id LIMIT 1 OFFSET :look - 1
