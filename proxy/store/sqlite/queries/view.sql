-- A page.visit, as a confirmation needs to know it.
SELECT event.visitor, event.session, event.state, event.uri, uri.value, event.title, event.referrer, event.facts,
    visitor.proof, visitor.uuid
FROM event JOIN visitor ON visitor.id = event.visitor LEFT JOIN uri ON uri.id = event.uri
WHERE event.seq = ?
