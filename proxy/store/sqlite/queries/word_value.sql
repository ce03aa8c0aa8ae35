SELECT value FROM word WHERE id = ?
