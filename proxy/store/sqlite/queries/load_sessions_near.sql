-- A visitor's sessions that an event could belong to, or that it would end, as one JSON array of rows.
SELECT json_group_array(json_array(id, hex(uuid), visitor, start, last, reason, pages, events, uri, lane, entry, source,
    device, view, viewed, trouble, top))
FROM session
WHERE visitor = :visitor AND start < :before AND (start > :after OR reason = 0)
