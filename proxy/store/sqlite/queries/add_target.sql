INSERT INTO target (page, name) VALUES (?, ?)
