-- Pages that came with an error, by page and status; and how many sessions ended with that.
WITH one AS MATERIALIZED (
    SELECT event.uri AS uri, event.facts AS facts, count(*) AS n
    FROM event
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
    GROUP BY event.uri, event.facts
), failed AS MATERIALIZED (
    SELECT uri.page AS page, facts.value ->> '$.status' AS status, sum(one.n) AS n
    FROM one JOIN word AS facts ON facts.id = one.facts JOIN uri ON uri.id = one.uri
    WHERE json_type(facts.value, '$.status') = 'integer'
        AND facts.value ->> '$.status' BETWEEN :failed_from AND :failed_to
    GROUP BY uri.page, facts.value ->> '$.status'
), gone AS MATERIALIZED (
    SELECT uri.page AS page, session.trouble / 2 AS status, count(*) AS n
    FROM event JOIN session ON session.id = event.session AND session.trouble >= 2 JOIN uri ON uri.id = session.uri
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'session.start')
    GROUP BY uri.page, session.trouble / 2
)
SELECT page.host, page.path, failed.status, failed.n, coalesce(gone.n, 0), count(*) OVER ()
FROM failed
JOIN page ON page.id = failed.page
LEFT JOIN gone ON gone.page = failed.page AND gone.status = failed.status
ORDER BY failed.n DESC, page.host, page.path, failed.status
LIMIT :limit
