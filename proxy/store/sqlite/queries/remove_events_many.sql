-- Events that are gone.
DELETE FROM event WHERE seq IN (SELECT column1 FROM (VALUES (?)))
