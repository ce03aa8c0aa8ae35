-- A session begins.
INSERT INTO session (uuid, visitor, start, last) VALUES (?, ?, ?, ?)
