-- Sessions go on.
UPDATE session SET last = new.column2, pages = new.column3, events = new.column4, uri = new.column5, lane = new.column6,
    entry = new.column7, source = new.column8, view = new.column9, viewed = new.column10, top = new.column11
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS new
WHERE session.id = new.column1
