-- A page, for a person to read.
SELECT host || path FROM page WHERE id = ?
