-- What has been proven of visitors, and their latest sessions.
UPDATE visitor SET proof = new.column2, session = new.column3, twin_of = new.column4
FROM (VALUES (?, ?, ?, ?)) AS new
WHERE visitor.id = new.column1
