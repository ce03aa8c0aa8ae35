-- Events by seq, with their sessions and visitors, as one JSON array. :seqs is one, too.
SELECT json_group_array(json_array(
    json_array(event.seq, hex(event.id), event.time, event.wait, event.action, event.visitor, event.session, event.view,
        event.lane, event.state, event.uri, event.title, event.referrer, event.amount, event.facts, event.target,
        event.more, event.undefined, event.engaged, event.usual_ms, event.usual_n,
        event.back),
    json_array(own.id, hex(own.uuid), own.visitor, own.start, own.last, own.reason, own.pages, own.events, own.uri,
        own.lane, own.entry, own.source, own.device, own.view, own.viewed, own.trouble, own.top),
    json_array(visitor.id, hex(visitor.uuid), visitor.proof,
        latest.id, hex(latest.uuid), latest.visitor, latest.start, latest.last, latest.reason, latest.pages,
        latest.events, latest.uri, latest.lane, latest.entry, latest.source, latest.device, latest.view, latest.viewed, latest.trouble, latest.top)
))
FROM json_each(:seqs) AS wanted
CROSS JOIN event ON event.seq = wanted.value
LEFT JOIN session AS own ON own.id = event.session
LEFT JOIN visitor ON visitor.id = event.visitor
LEFT JOIN session AS latest ON latest.id = visitor.session
