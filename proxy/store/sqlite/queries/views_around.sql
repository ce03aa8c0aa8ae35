-- The page.visits of a session next to a place in their order, as one JSON array: the seq of the one before, of the one
-- after; NULL where there is none.
SELECT json_array(
    (
        SELECT seq FROM event
        WHERE session = :session AND action = :visit AND (time, seq) < (:time, :seq)
        ORDER BY time DESC, seq DESC LIMIT 1
    ),
    (
        SELECT seq FROM event
        WHERE session = :session AND action = :visit AND (time, seq) > (:time, :seq)
        ORDER BY time, seq LIMIT 1
    )
)
