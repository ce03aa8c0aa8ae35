-- Sessions go on.
UPDATE session SET last = new.column2, pages = new.column3, events = new.column4, uri = new.column5, lane = new.column6,
    entry = new.column7, source = new.column8, device = new.column9, view = new.column10, viewed = new.column11,
    trouble = new.column12, top = new.column13
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS new
WHERE session.id = new.column1
