-- What a batch needs to know before anything else, as one JSON object, since every row of an answer costs the interpreter
-- lock: the highest numbers; which of the ids and uuids are known. :ids and :uuids have 16 bytes each; :id_places and
-- :uuid_places are JSON arrays of their places.
SELECT json_object(
    'seq', (SELECT coalesce(max(seq), 0) FROM event),
    'visitor', (SELECT coalesce(max(id), 0) FROM visitor),
    'session', (SELECT coalesce(max(id), 0) FROM session),
    'swept', (SELECT value FROM note WHERE name = 'swept'),
    'erased', (SELECT value FROM note WHERE name = 'erased'),
    'suspects', EXISTS (SELECT 1 FROM suspect),
    'ids', (
        SELECT json_group_array(json_array(place.value, recent_id.seq))
        FROM json_each(:id_places) AS place
        CROSS JOIN recent_id ON recent_id.id = substr(:ids, place.value * 16 + 1, 16)
    ),
    'visitors', (
        SELECT json_group_array(json_array(place.value, visitor.id, hex(visitor.uuid), visitor.proof,
            session.id, hex(session.uuid), session.visitor, session.start, session.last, session.reason, session.pages,
            session.events, session.uri, session.lane, session.entry, session.source, session.device, session.view, session.viewed, session.trouble, session.top))
        FROM json_each(:uuid_places) AS place
        CROSS JOIN visitor AS named ON named.uuid = substr(:uuids, place.value * 16 + 1, 16)
        CROSS JOIN visitor ON visitor.id = coalesce(named.twin_of, named.id)
        LEFT JOIN session ON session.id = visitor.session
    )
)
