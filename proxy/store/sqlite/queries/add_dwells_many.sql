-- Hovers of elements.
INSERT INTO dwell (target, bucket, n)
SELECT * FROM (VALUES (?, ?, ?)) WHERE column1 <> 0
ON CONFLICT (target, bucket) DO UPDATE SET n = n + excluded.n
