-- What was counted.
INSERT INTO cell (kind, lane, day, subject, extra, n) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, lane, day, subject, extra) DO UPDATE SET n = n + excluded.n
