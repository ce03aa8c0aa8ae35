-- Visitors seen for the first time.
INSERT INTO visitor (id, uuid, proof, session, twin_of)
SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 <> 0
