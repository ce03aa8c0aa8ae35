-- Which events of a visitor are outside any session: the latest. No index knows a crawler's; :since, and :low with it,
-- bounds the search. :time NULL begins with the latest.
SELECT seq FROM (
    SELECT seq, time FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
    UNION ALL
    SELECT seq, time FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND +visitor = :visitor AND session IS NULL AND lane = 0
)
WHERE :time IS NULL OR (time, seq) < (:time, :key)
ORDER BY time DESC, seq DESC
LIMIT :limit
