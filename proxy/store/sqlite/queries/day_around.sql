-- The days next to a time: the last one that begins at or before it, the first one that begins after it.
SELECT * FROM (SELECT id, start, until FROM day WHERE start <= :time ORDER BY id DESC LIMIT 1)
UNION ALL
SELECT * FROM (SELECT id, start, until FROM day WHERE start > :time ORDER BY id LIMIT 1)
