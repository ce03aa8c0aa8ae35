-- The same, where they are many, among all events from :low to :high.
INSERT INTO temp.event (seq, back, time, action, visitor, session, view, lane, state, uri, title, amount, facts, target,
    engaged, usual_ms, usual_n)
SELECT seq, back, time, action, visitor, session, view, lane, state, uri, title, amount, facts, target, engaged,
    usual_ms, usual_n
FROM main.event
WHERE seq BETWEEN :low AND :high AND session IN (SELECT session FROM latest)
