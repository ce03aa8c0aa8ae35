-- Words that nothing names.
DELETE FROM word WHERE id IN (SELECT value FROM json_each(?))
