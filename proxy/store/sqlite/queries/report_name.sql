-- The name of a store in which something happened.
SELECT value FROM note WHERE name = 'name' AND EXISTS (SELECT 1 FROM event)
