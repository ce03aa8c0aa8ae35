SELECT name FROM target WHERE id = ?
