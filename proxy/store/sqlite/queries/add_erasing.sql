-- A visitor's rows are to go.
INSERT INTO erasing (visitor) VALUES (?) ON CONFLICT DO NOTHING
