-- Sessions are what was counted.
UPDATE session SET lane = stay.lane, entry = stay.entry, source = (SELECT word FROM text WHERE text.value = stay.source),
    device = (SELECT word FROM text WHERE text.value = stay.device), view = stay.view, viewed = stay.viewed,
    uri = stay.uri, trouble = stay.trouble, pages = stay.pages, events = stay.events, top = stay.top
FROM stay
WHERE stay.id = session.id AND (
    (session.lane, session.entry, session.view, session.viewed, session.uri, session.trouble, session.pages,
            session.events, session.top)
        IS NOT (stay.lane, stay.entry, stay.view, stay.viewed, stay.uri, stay.trouble, stay.pages, stay.events, stay.top)
    OR session.source IS NOT (SELECT word FROM text WHERE text.value = stay.source)
    OR session.device IS NOT (SELECT word FROM text WHERE text.value = stay.device)
)
