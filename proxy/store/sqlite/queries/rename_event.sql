-- An event turned out to have another id.
UPDATE event SET id = ? WHERE seq = ?
