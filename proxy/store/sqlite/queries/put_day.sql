-- A day that is new, or has grown.
INSERT INTO day (id, start, until) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET start = min(start, excluded.start), until = max(until, excluded.until)
