-- Sessions that are not what their events say, beyond what is recounted: how many session.start and session.end they have,
-- when they begin and end, and whose they are. :idle is the action of which only those with an amount above 0 move the
-- last activity. Of a session that lost events to housekeeping the times may be wider than those of the rest.
WITH own AS MATERIALIZED (
    SELECT event.session AS id,
        sum(action.value = 'session.start') AS starts,
        sum(action.value = 'session.end') AS ends,
        min(CASE WHEN action.value = 'session.start' THEN event.time END) AS begun,
        max(CASE WHEN action.value = 'session.end' THEN event.time END) AS ended,
        min(CASE WHEN action.value NOT IN ('session.start', 'session.end') THEN event.time END) AS first,
        max(CASE WHEN action.value NOT IN ('session.start', 'session.end')
            AND (action.value <> :idle OR event.amount > 0) THEN event.time END) AS last,
        sum(event.visitor <> session.visitor) AS strangers
    FROM event JOIN session ON session.id = event.session JOIN word AS action ON action.id = event.action
    GROUP BY event.session
)
SELECT session.id, coalesce(own.starts, 0), coalesce(own.ends, 0), session.reason <> 0, session.start, own.begun, own.first,
    session.last, own.ended, own.last, coalesce(own.strangers, 0)
FROM session LEFT JOIN own ON own.id = session.id
WHERE own.starts IS NOT 1 OR own.ends <> (session.reason <> 0) OR own.begun <> session.start OR own.first < session.start
    OR own.last > session.last OR own.ended <> session.last OR session.last < session.start OR own.strangers > 0
