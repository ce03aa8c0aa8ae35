-- Which events of a visitor an export is asked for, but for a crawler's: in seq order, as one JSON array. A filter that is
-- NULL lets everything through.
WITH RECURSIVE own (seq, back, time, action, lane) AS (
    SELECT event.seq, event.back, event.time, event.action, event.lane
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.visitor = :visitor
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.lane
    FROM own CROSS JOIN event ON event.seq = own.seq - own.back
), found AS (
    SELECT seq, time, action, lane FROM own
    UNION ALL
    SELECT seq, time, action, lane FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
)
SELECT json_group_array(seq) FROM (
    SELECT seq FROM found
    WHERE (:since IS NULL OR time >= :since)
        AND (:until IS NULL OR time < :until)
        AND (:action IS NULL OR action = (SELECT id FROM word WHERE value = :action))
        AND (:lane IS NULL OR lane = :lane)
    ORDER BY seq
)
