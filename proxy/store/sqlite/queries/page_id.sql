SELECT id FROM page WHERE host = ? AND path = ?
