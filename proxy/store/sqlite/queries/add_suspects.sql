-- Texts that something gone has named.
INSERT INTO suspect (kind, id) SELECT :kind, value FROM json_each(:ids)
WHERE true -- or ON CONFLICT would be read as a join's ON
ON CONFLICT (kind, id) DO NOTHING
