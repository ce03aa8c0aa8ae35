-- Visitors were there.
INSERT INTO presence (visitor, kind, subject, lane, day, n) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (visitor, kind, subject, lane, day) DO UPDATE SET n = n + excluded.n
