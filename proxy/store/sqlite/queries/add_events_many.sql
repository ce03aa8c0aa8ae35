-- Events.
INSERT INTO event (seq, id, time, wait, action, visitor, session, view, lane, state, uri, title, referrer, amount, facts,
    target, more, undefined, engaged, usual_ms, usual_n, back)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) WHERE column1 <> 0
