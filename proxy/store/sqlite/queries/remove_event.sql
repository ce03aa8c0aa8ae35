-- One row too many, after two sessions became one.
DELETE FROM event WHERE seq = ?
