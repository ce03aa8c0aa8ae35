-- Take an id; nothing happens where it is known already.
INSERT OR IGNORE INTO recent_id (id, seq) VALUES (?, ?)
