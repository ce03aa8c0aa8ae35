-- All events of the sessions that were chosen last.
WITH RECURSIVE told (seq) AS (
    SELECT session.top FROM latest CROSS JOIN session ON session.id = latest.session WHERE session.top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN main.event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
INSERT INTO temp.event (seq, time, action, visitor, session, view, lane, state, uri, title, amount, target, engaged,
    usual_ms, usual_n, back)
SELECT event.seq, time, action, visitor, session, view, lane, state, uri, title, amount, target, engaged,
    usual_ms, usual_n, back
FROM told CROSS JOIN main.event ON event.seq = told.seq
