-- One more hover of an element.
INSERT INTO dwell (target, bucket, n) VALUES (?, ?, 1) ON CONFLICT (target, bucket) DO UPDATE SET n = n + 1
