-- Events that belong to another visitor or session now.
UPDATE event SET visitor = new.column2, session = new.column3
FROM (VALUES (?, ?, ?)) AS new
WHERE event.seq = new.column1
