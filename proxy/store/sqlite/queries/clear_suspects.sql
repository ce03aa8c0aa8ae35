-- Texts that are named again.
DELETE FROM suspect WHERE kind = :kind AND id IN (SELECT value FROM json_each(:ids))
