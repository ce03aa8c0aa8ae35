-- What is no word yet, and is not to become one.
UPDATE text SET word = -rowid WHERE word IS NULL
