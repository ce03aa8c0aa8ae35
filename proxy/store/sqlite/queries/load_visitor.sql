-- A visitor by row id, as in load_batch.sql.
SELECT json_array(visitor.id, hex(visitor.uuid), visitor.proof,
    session.id, hex(session.uuid), session.visitor, session.start, session.last, session.reason, session.pages,
    session.events, session.uri, session.lane, session.entry, session.source, session.device, session.view, session.viewed, session.trouble, session.top)
FROM visitor LEFT JOIN session ON session.id = visitor.session
WHERE visitor.id = ?
