-- All events of the sessions that were chosen last, one by one.
WITH RECURSIVE told (seq, back) AS (
    SELECT event.seq, event.back
    FROM latest CROSS JOIN session ON session.id = latest.session CROSS JOIN main.event ON event.seq = session.top
    UNION ALL
    SELECT event.seq, event.back FROM told CROSS JOIN main.event ON event.seq = told.seq - told.back
)
INSERT INTO temp.event (seq, back, time, action, visitor, session, view, lane, state, uri, title, amount, facts, target,
    engaged, usual_ms, usual_n)
SELECT event.seq, event.back, event.time, event.action, event.visitor, event.session, event.view, event.lane,
    event.state, event.uri, event.title, event.amount, event.facts, event.target, event.engaged, event.usual_ms, event.usual_n
FROM told CROSS JOIN main.event ON event.seq = told.seq
