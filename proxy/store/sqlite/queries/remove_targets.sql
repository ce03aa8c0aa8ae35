-- Elements and forms that nothing names.
DELETE FROM target WHERE id IN (SELECT value FROM json_each(?))
