-- A visitor by uuid, as in load_batch.sql; of a twin, the visitor that it turned out to be.
SELECT json_array(visitor.id, hex(visitor.uuid), visitor.proof,
    session.id, hex(session.uuid), session.visitor, session.start, session.last, session.reason, session.pages,
    session.events, session.uri, session.lane, session.entry, session.source, session.device, session.view, session.viewed, session.trouble, session.top)
FROM visitor AS named
JOIN visitor ON visitor.id = coalesce(named.twin_of, named.id)
LEFT JOIN session ON session.id = visitor.session
WHERE named.uuid = ?
