-- Where they came from, and with what.
INSERT OR IGNORE INTO text (value)
SELECT source FROM stay WHERE source IS NOT NULL UNION SELECT device FROM stay WHERE device IS NOT NULL
