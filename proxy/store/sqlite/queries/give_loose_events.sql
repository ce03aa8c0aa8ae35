-- And those outside any session.
UPDATE event SET visitor = ? WHERE visitor = ? AND session IS NULL AND lane <> 0
