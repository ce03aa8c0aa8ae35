INSERT INTO word (value) VALUES (?)
