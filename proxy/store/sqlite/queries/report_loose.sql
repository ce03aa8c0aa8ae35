-- Which events of a visitor are outside any session: the latest. No index knows a crawler's; :since bounds the search.
SELECT seq FROM (
    SELECT seq, time FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
    UNION ALL
    SELECT seq, time FROM event WHERE time >= :since AND visitor = :visitor AND session IS NULL AND lane = 0
)
ORDER BY time DESC, seq DESC
LIMIT :limit
