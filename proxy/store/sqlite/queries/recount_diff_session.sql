-- Sessions whose columns of version 4, last page, number of pages or of events are wrong, as JSON arrays of them.
SELECT session.id,
    json_array(session.lane, session.entry, session.source, session.view, session.viewed, session.uri, session.pages,
        session.events, session.top),
    json_array(stay.lane, stay.entry, text.word, stay.view, stay.viewed, stay.uri, stay.pages, stay.events, stay.top)
FROM session JOIN stay ON stay.id = session.id LEFT JOIN text ON text.value = stay.source
WHERE (session.lane, session.entry, session.source, session.view, session.viewed, session.uri, session.pages, session.events,
        session.top)
    IS NOT (stay.lane, stay.entry, text.word, stay.view, stay.viewed, stay.uri, stay.pages, stay.events, stay.top)
