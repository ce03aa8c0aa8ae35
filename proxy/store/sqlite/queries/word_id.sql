SELECT id FROM word WHERE value = ?
