-- All events of the sessions that were chosen last.
INSERT INTO temp.event (seq, id, time, wait, action, visitor, session, view, lane, state, uri, title, referrer, amount,
    facts, target, more, undefined, engaged, usual_ms, usual_n)
SELECT seq, id, time, wait, action, visitor, session, view, lane, state, uri, title, referrer, amount,
    facts, target, more, undefined, engaged, usual_ms, usual_n
FROM main.event WHERE session IN (SELECT session FROM latest)
