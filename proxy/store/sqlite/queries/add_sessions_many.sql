-- Sessions begin.
INSERT INTO session (id, uuid, visitor, start, last, reason, pages, events, uri, lane, entry, source, device, view, viewed, trouble, top)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) WHERE column1 <> 0
