-- Ids that came in, and the rows that they stand for.
INSERT INTO recent_id (id, seq)
SELECT * FROM (VALUES (?, ?)) WHERE column1 <> 0
