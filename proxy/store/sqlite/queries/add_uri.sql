INSERT INTO uri (page, value) VALUES (?, ?)
