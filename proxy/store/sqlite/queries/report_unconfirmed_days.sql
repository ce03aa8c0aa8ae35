-- The same of whole days. Between :young_since and :young_until are those of which it is not known yet.
WITH young AS MATERIALIZED (
    SELECT uri.page AS page, count(*) AS n
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.seq BETWEEN :young_low AND :young_high AND event.time >= :young_since AND event.time < :young_until
        AND event.lane = :person AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND NOT event.state & 1
    GROUP BY uri.page
), seen AS MATERIALIZED (
    SELECT subject AS page, sum(n) AS views, sum(CASE extra WHEN :unconfirmed THEN n ELSE 0 END) AS missing
    FROM counts
    WHERE kind = :page AND lane = :person AND day BETWEEN :first AND :last
    GROUP BY subject
    HAVING missing > 0
), known AS MATERIALIZED (
    SELECT seen.page AS page, seen.views - coalesce(young.n, 0) AS views, seen.missing - coalesce(young.n, 0) AS missing
    FROM seen LEFT JOIN young ON young.page = seen.page
)
SELECT page.host, page.path, known.views, known.missing, count(*) OVER ()
FROM known JOIN page ON page.id = known.page
WHERE known.missing > 0
ORDER BY known.missing DESC, known.views, page.host, page.path
LIMIT :limit
