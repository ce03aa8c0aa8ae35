-- What is known of how long a page view of a visitor was in use: page.leave events, as one JSON array of [seq, ms].
WITH RECURSIVE told (seq) AS (
    SELECT top FROM session WHERE visitor = :visitor AND top IS NOT NULL
    UNION ALL
    SELECT event.seq - event.back FROM told CROSS JOIN event ON event.seq = told.seq WHERE event.back IS NOT NULL
)
SELECT json_group_array(json_array(seq, amount)) FROM (
    SELECT event.seq AS seq, event.amount AS amount FROM told CROSS JOIN event ON event.seq = told.seq
    WHERE event.view = :view AND event.action = :action AND event.amount IS NOT NULL
    UNION ALL
    SELECT seq, amount FROM event
    WHERE visitor = :visitor AND session IS NULL AND lane <> 0
        AND view = :view AND action = :action AND amount IS NOT NULL
)
