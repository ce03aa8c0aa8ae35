-- Sessions whose columns of versions 4 and 9, last page, number of pages or of events are wrong, as JSON arrays of them.
SELECT session.id,
    json_array(session.lane, session.entry, session.source, session.device, session.view, session.viewed, session.uri,
        session.trouble, session.pages, session.events, session.top),
    json_array(stay.lane, stay.entry, source.word, device.word, stay.view, stay.viewed, stay.uri, stay.trouble, stay.pages,
        stay.events, stay.top)
FROM session
JOIN stay ON stay.id = session.id
LEFT JOIN text AS source ON source.value = stay.source
LEFT JOIN text AS device ON device.value = stay.device
WHERE (session.lane, session.entry, session.source, session.device, session.view, session.viewed, session.uri,
        session.trouble, session.pages, session.events, session.top)
    IS NOT (stay.lane, stay.entry, source.word, device.word, stay.view, stay.viewed, stay.uri, stay.trouble, stay.pages,
        stay.events, stay.top)
