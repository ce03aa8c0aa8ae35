-- Sessions that end, begin earlier, or are another visitor's: what indexes know them by.
UPDATE session SET visitor = new.column2, start = new.column3, reason = new.column4
FROM (VALUES (?, ?, ?, ?)) AS new
WHERE session.id = new.column1
