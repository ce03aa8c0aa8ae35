-- Their names.
INSERT OR IGNORE INTO text (value) SELECT DISTINCT name FROM field
