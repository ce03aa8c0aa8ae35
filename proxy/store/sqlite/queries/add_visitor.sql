-- A visitor seen for the first time.
INSERT INTO visitor (uuid) VALUES (?)
