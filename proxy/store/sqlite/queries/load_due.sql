-- The :most open sessions that the sweeper has not looked at for longest, of those where it has not since :before, as
-- one JSON array of rows.
SELECT json_group_array(json_array(id, hex(uuid), visitor, start, last, reason, pages, events, uri, lane, entry, source,
    device, view, viewed, trouble, top))
FROM (
    SELECT * FROM session
    WHERE reason = 0 AND coalesce(seen, start) <= :before
    ORDER BY coalesce(seen, start)
    LIMIT :most
)
