-- Ids of what is gone.
DELETE FROM recent_id WHERE id IN (SELECT column1 FROM (VALUES (?)))
