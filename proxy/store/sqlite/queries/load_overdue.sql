-- The :most open sessions that began first of those that may be over, as one JSON array of rows.
SELECT json_group_array(json_array(id, hex(uuid), visitor, start, last, reason, pages, events, uri, lane, entry, source,
    device, view, viewed, trouble, top))
FROM (
    SELECT * FROM session
    WHERE reason = 0 AND start <= :now AND (last + :timeout <= :now OR start + :longest <= :now)
    ORDER BY start
    LIMIT :most
)
