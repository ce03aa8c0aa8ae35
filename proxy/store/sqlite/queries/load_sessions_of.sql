-- All sessions of a visitor, as one JSON array of rows.
SELECT json_group_array(json_array(id, hex(uuid), visitor, start, last, reason, pages, events, uri, lane, entry, source,
    device, view, viewed, trouble, top))
FROM session
WHERE visitor = ?
