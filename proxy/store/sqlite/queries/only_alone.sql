-- Events that were picked by themselves.
INSERT INTO temp.event (seq, back, time, action, visitor, session, view, lane, state, uri, title, amount, facts, target,
    engaged, usual_ms, usual_n)
SELECT event.seq, event.back, event.time, event.action, event.visitor, event.session, event.view, event.lane,
    event.state, event.uri, event.title, event.amount, event.facts, event.target, event.engaged, event.usual_ms, event.usual_n
FROM latest CROSS JOIN main.event ON event.seq = -latest.session
WHERE latest.session < 0
