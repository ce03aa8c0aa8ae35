-- How often visitors were erased: whoever remembers their marks has to look again then.
INSERT INTO note (name, value) VALUES ('erased', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1
