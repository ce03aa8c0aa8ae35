-- The next addresses that nothing names, as one JSON array of [id, page].
SELECT json_group_array(json_array(uri.id, uri.page))
FROM (SELECT id FROM suspect WHERE kind = :uri AND ready = 1 LIMIT :most) AS free JOIN uri ON uri.id = free.id
