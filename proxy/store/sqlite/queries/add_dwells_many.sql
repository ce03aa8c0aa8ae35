-- Hovers of elements.
INSERT INTO dwell (target, bucket, n) VALUES (?, ?, ?) ON CONFLICT (target, bucket) DO UPDATE SET n = n + excluded.n
