-- How often texts were removed: whoever remembers some has to forget them then.
INSERT INTO note (name, value) VALUES ('swept', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1
