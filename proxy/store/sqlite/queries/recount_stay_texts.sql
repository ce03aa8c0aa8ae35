-- Where they came from.
INSERT OR IGNORE INTO text (value) SELECT DISTINCT source FROM stay WHERE source IS NOT NULL
