SELECT id FROM uri WHERE value = ?
