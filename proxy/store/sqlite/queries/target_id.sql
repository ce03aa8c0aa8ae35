SELECT id FROM target WHERE page = ? AND name = ?
