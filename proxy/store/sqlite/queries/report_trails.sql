-- The first :most pages of sessions that began in a time, whether they went on, and how many sessions went that way. Of
-- sessions that were picked (choosing.py), whole ones. Pages are rows of `page`, with commas.
WITH begun AS MATERIALIZED (
    SELECT session FROM event
    WHERE time >= :since AND time < :until AND lane = :lane
        AND action = (SELECT id FROM word WHERE value = 'session.start')
), step AS (
    SELECT event.session AS session, event.time AS time, event.seq AS seq, uri.page AS page,
        lag(uri.page) OVER (PARTITION BY event.session ORDER BY event.time, event.seq) AS previous
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND event.session IN (SELECT session FROM begun)
), placed AS (
    SELECT session, page, row_number() OVER (PARTITION BY session ORDER BY time, seq) AS place,
        count(*) OVER (PARTITION BY session) AS number
    FROM step
    WHERE previous IS NULL OR previous <> page
), trail AS (
    SELECT place, number > :most AS is_longer,
        group_concat(page) OVER (
            PARTITION BY session ORDER BY place ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS pages
    FROM placed WHERE place <= :most
), counted AS (
    SELECT pages, is_longer, count(*) AS n FROM trail WHERE place = 1 GROUP BY pages, is_longer
)
SELECT pages, is_longer, n, count(*) OVER (), sum(n) OVER () FROM counted
ORDER BY n DESC, is_longer, pages
LIMIT :limit
