-- What was counted.
INSERT INTO fresh_cell (kind, lane, day, subject, extra, n) VALUES (?, ?, ?, ?, ?, ?)
