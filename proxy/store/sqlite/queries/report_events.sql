-- Some events, whole: the columns of export.sql, then address and title of their page.visit. :seqs is a JSON array.
SELECT event.seq, event.id, action.value, event.time, event.wait, visitor.uuid, session.uuid, coalesce(view.id,
        CASE WHEN action.value = 'page.visit' THEN event.id END), event.lane,
    uri.value, title.value, referrer.value, event.amount, facts.value,
    target.name, event.more, event.usual_ms, event.usual_n, undefined.value,
    session.start, session.last, session.reason, session.pages, session.events, last_uri.value,
    view_uri.value, view_title.value
FROM json_each(:seqs) AS wanted
JOIN main.event ON event.seq = wanted.value
JOIN word AS action ON action.id = event.action
JOIN visitor ON visitor.id = event.visitor
LEFT JOIN session ON session.id = event.session
LEFT JOIN main.event AS view ON view.seq = coalesce(event.view, CASE WHEN action.value = 'page.visit' THEN event.seq END)
LEFT JOIN uri ON uri.id = event.uri
LEFT JOIN uri AS last_uri ON last_uri.id = session.uri
LEFT JOIN uri AS view_uri ON view_uri.id = view.uri
LEFT JOIN word AS title ON title.id = event.title
LEFT JOIN word AS view_title ON view_title.id = view.title
LEFT JOIN word AS referrer ON referrer.id = event.referrer
LEFT JOIN word AS facts ON facts.id = event.facts
LEFT JOIN word AS undefined ON undefined.id = event.undefined
LEFT JOIN target ON target.id = event.target
ORDER BY wanted.key
