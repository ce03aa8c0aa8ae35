-- Lengths of hovers that nobody has had.
DELETE FROM dwell WHERE n <= 0 AND target IN (SELECT value FROM json_each(?))
