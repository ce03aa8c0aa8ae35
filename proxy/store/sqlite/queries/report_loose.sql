-- Which events of a visitor are outside any session: the latest. No index knows a crawler's; :since, and :low with it,
-- bounds the search, and so does how many there are of it. :time NULL begins with the latest.
SELECT seq FROM (
    SELECT seq, time FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
    UNION ALL
    SELECT seq, time FROM (
        SELECT seq, time FROM event
        WHERE seq BETWEEN :low AND :high AND time >= :since AND +visitor = :visitor AND session IS NULL AND lane = 0
        ORDER BY seq DESC
        LIMIT (
            SELECT coalesce(sum(n), 0) FROM presence
            WHERE visitor = :visitor AND kind = :views AND subject = 0 AND lane = 0
        )
    )
)
WHERE :time IS NULL OR (time, seq) < (:time, :key)
ORDER BY time DESC, seq DESC
LIMIT :limit
