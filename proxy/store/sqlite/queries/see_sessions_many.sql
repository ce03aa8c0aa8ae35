-- Open sessions that the sweeper has looked at, and that are not over.
UPDATE session SET seen = new.column2
FROM (VALUES (?, ?)) AS new
WHERE session.id = new.column1
