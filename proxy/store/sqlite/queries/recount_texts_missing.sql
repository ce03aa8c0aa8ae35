-- What is no word yet becomes one.
INSERT INTO word (value) SELECT value FROM text WHERE word IS NULL
