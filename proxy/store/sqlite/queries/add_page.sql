INSERT INTO page (host, path) VALUES (?, ?)
