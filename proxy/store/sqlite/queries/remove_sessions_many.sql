-- Sessions that are gone: another one's now, or nobody's.
DELETE FROM session WHERE id IN (SELECT column1 FROM (VALUES (?)))
