-- The visitor's cookie came back: everything in its sessions is a person's.
UPDATE event SET lane = 2 WHERE lane = 1 AND session IN (SELECT id FROM session WHERE visitor = ?)
