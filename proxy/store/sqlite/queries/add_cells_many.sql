-- What was counted.
INSERT INTO fresh_cell (kind, lane, day, subject, extra, n)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?)) WHERE column1 <> 0
