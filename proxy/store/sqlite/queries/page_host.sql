SELECT host FROM page WHERE id = ?
