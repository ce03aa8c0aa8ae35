-- What is known of how long a page view of a visitor was in use: page.leave events, as one JSON array of [seq, ms].
WITH RECURSIVE told (seq, back, action, view, amount) AS (
    SELECT event.seq, event.back, event.action, event.view, event.amount
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.visitor = :visitor
    UNION ALL
    SELECT event.seq, event.back, event.action, event.view, event.amount
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT json_group_array(json_array(seq, amount)) FROM (
    SELECT seq, amount FROM told WHERE view = :view AND action = :action AND amount IS NOT NULL
    UNION ALL
    SELECT seq, amount FROM event
    WHERE visitor = :visitor AND session IS NULL AND lane <> 0
        AND view = :view AND action = :action AND amount IS NOT NULL
)
