-- Visitors were there.
INSERT INTO presence (visitor, kind, subject, lane, day, n)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?)) WHERE column1 <> 0
ON CONFLICT (visitor, kind, subject, lane, day) DO UPDATE SET n = n + excluded.n
