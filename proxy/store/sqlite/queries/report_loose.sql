-- Which events of a visitor are outside any session: the latest. No index knows a crawler's, which are page views: in what
-- hours they were is known, and the latest hours that have :limit of them are looked through, back to :since. :latest is
-- when the first of the list can be, whose hour may have later ones; :time NULL begins with the latest.
WITH there AS (
    SELECT subject AS hour, sum(n) AS n FROM presence
    WHERE visitor = :visitor AND kind = :hour AND lane = 0
        AND subject BETWEEN :since / :hour_ms AND :latest / :hour_ms
    GROUP BY subject
), later AS (
    SELECT hour, sum(CASE WHEN hour < :latest / :hour_ms THEN n END)
        OVER (ORDER BY hour DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS n
    FROM there
), part AS MATERIALIZED (
    SELECT later.hour * :hour_ms AS start, (later.hour + 1) * :hour_ms AS until,
        min(reach.first) AS low, max(reach.last) AS high
    FROM later
    CROSS JOIN reach ON reach.slot BETWEEN later.hour * :hour_ms / :reach_ms
        AND ((later.hour + 1) * :hour_ms - 1) / :reach_ms
    WHERE coalesce(later.n, 0) < :limit
    GROUP BY later.hour
)
SELECT seq FROM (
    SELECT seq, time FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
    UNION ALL
    SELECT event.seq, event.time
    FROM part CROSS JOIN event ON event.seq BETWEEN part.low AND part.high
    WHERE +event.visitor = :visitor AND event.session IS NULL AND event.lane = 0
        AND event.time >= part.start AND event.time < part.until AND event.time >= :since
)
WHERE :time IS NULL OR (time, seq) < (:time, :key)
ORDER BY time DESC, seq DESC
LIMIT :limit
