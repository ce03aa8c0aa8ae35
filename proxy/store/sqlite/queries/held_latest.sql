-- What came of a visitor lately: the latest first, whatever sessions it is of, no further than is asked for.
WITH RECURSIVE told (seq, back) AS (
    SELECT event.seq, event.back
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.visitor = :visitor
    UNION ALL
    SELECT event.seq, event.back
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
    ORDER BY 1 DESC
    LIMIT :most
),
loose (seq) AS (
    SELECT seq FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0 ORDER BY seq DESC LIMIT :most
)
SELECT seq FROM (SELECT seq FROM told UNION ALL SELECT seq FROM loose) ORDER BY seq DESC LIMIT :most
