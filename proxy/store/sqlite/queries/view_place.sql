-- A page.visit, as the events on it need to know it. :action is page.visit.
SELECT event.seq, event.time, event.uri, uri.page
FROM event LEFT JOIN uri ON uri.id = event.uri
WHERE event.seq = :seq AND event.action = :action AND event.visitor = :visitor
