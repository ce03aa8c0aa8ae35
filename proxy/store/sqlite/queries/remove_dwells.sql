-- How long they were hovered over.
DELETE FROM dwell WHERE target IN (SELECT value FROM json_each(?))
