-- Addresses that nothing names.
DELETE FROM uri WHERE id IN (SELECT value FROM json_each(?))
