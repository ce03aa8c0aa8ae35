-- Days as they are counted by.
SELECT id, start FROM day ORDER BY id
