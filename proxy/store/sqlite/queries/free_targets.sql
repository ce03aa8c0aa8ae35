-- The next elements and forms that nothing names, as one JSON array of [id, page].
SELECT json_group_array(json_array(target.id, target.page))
FROM (SELECT id FROM suspect WHERE kind = :target AND ready = 1 LIMIT :most) AS free JOIN target ON target.id = free.id
