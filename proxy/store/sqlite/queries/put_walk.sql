-- A walk is somewhere else now.
INSERT INTO walk (name, begun, place, until) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET begun = excluded.begun, place = excluded.place, until = excluded.until
