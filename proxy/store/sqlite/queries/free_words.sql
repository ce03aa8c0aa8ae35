-- The next words that nothing names, as one JSON array.
SELECT json_group_array(id) FROM (SELECT id FROM suspect WHERE kind = :word AND ready = 1 LIMIT :most)
