-- Requests of a day and host that ended in the same way.
INSERT INTO outcome (day, host, name, n) VALUES (?, ?, ?, ?)
ON CONFLICT (day, host, name) DO UPDATE SET n = n + excluded.n
