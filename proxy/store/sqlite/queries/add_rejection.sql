-- An event that was not taken.
INSERT INTO rejection (time, page, action, code, field) VALUES (?, ?, ?, ?, ?)
