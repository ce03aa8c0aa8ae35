-- Titles of addresses that something gone has named.
INSERT INTO suspect (kind, id)
SELECT :word, title FROM uri WHERE id IN (SELECT value FROM json_each(:ids)) AND title IS NOT NULL
ON CONFLICT (kind, id) DO NOTHING
