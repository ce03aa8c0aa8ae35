-- The same, for events outside any session.
UPDATE event SET lane = 2 WHERE visitor = ? AND session IS NULL AND lane <> 0 AND lane = 1
