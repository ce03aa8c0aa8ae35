-- Events in seq order, a step at a time. A filter that is NULL lets everything through.
SELECT event.seq, event.id, action.value, event.time, event.wait, visitor.uuid, session.uuid, coalesce(view.id,
        CASE WHEN action.value = 'page.visit' THEN event.id END), event.lane,
    uri.value, title.value, referrer.value, event.amount, facts.value,
    target.name, event.more, event.usual_ms, event.usual_n, undefined.value,
    session.start, session.last, session.reason, session.pages, session.events, last_uri.value
FROM event
JOIN word AS action ON action.id = event.action
JOIN visitor ON visitor.id = event.visitor
LEFT JOIN session ON session.id = event.session
LEFT JOIN event AS view ON view.seq = event.view
LEFT JOIN uri ON uri.id = event.uri
LEFT JOIN uri AS last_uri ON last_uri.id = session.uri
LEFT JOIN word AS title ON title.id = event.title
LEFT JOIN word AS referrer ON referrer.id = event.referrer
LEFT JOIN word AS facts ON facts.id = event.facts
LEFT JOIN word AS undefined ON undefined.id = event.undefined
LEFT JOIN target ON target.id = event.target
WHERE event.seq > :seq AND event.seq <= :high
    AND (:since IS NULL OR event.time >= :since)
    AND (:until IS NULL OR event.time < :until)
    AND (:action IS NULL OR action.value = :action)
    AND (:visitor IS NULL OR event.visitor = :visitor)
    AND (:lane IS NULL OR event.lane = :lane)
ORDER BY event.seq
LIMIT :step
