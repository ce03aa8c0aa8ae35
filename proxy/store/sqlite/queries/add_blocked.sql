-- Visits of a day whose page went without its tag. Once the day has :most rows, new ones share one a reason.
INSERT INTO blocked (day, page, reason, n, last)
VALUES (
    :day,
    CASE
        WHEN EXISTS (SELECT 1 FROM blocked WHERE day = :day AND page = :page AND reason = :reason)
            OR (SELECT count(*) FROM blocked WHERE day = :day) < :most
        THEN :page
        ELSE :other
    END,
    :reason, :n, :last
)
ON CONFLICT (day, page, reason) DO UPDATE SET n = n + excluded.n, last = max(last, excluded.last)
