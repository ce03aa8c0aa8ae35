-- What came before (side -1) and after (1) a page, two steps each way, each time that somebody came to it; the first :limit
-- pairs of each side, with the number of all times. Of sessions that were picked (choosing.py), whole ones: their pages are
-- all there, also those outside the time.
WITH step AS (
    SELECT event.session AS session, event.time AS time, event.seq AS seq, event.lane AS lane, uri.page AS page,
        lag(uri.page) OVER (PARTITION BY event.session ORDER BY event.time, event.seq) AS previous
    FROM event JOIN uri ON uri.id = event.uri
    WHERE event.action = (SELECT id FROM word WHERE value = 'page.visit') AND event.session IS NOT NULL
), seen AS (
    SELECT time, lane, page,
        lag(page) OVER way AS before, lag(page, 2) OVER way AS earlier,
        lead(page) OVER way AS after, lead(page, 2) OVER way AS later
    FROM step
    WHERE previous IS NULL OR previous <> page
    WINDOW way AS (PARTITION BY session ORDER BY time, seq)
), here AS MATERIALIZED (
    SELECT * FROM seen
    WHERE page = (SELECT id FROM page WHERE host = :host AND path = :path) AND time >= :since AND time < :until
        AND lane = :lane
), pair AS (
    SELECT -1 AS side, before AS near, earlier AS far, count(*) AS n FROM here GROUP BY before, earlier
    UNION ALL
    SELECT 1, after, later, count(*) FROM here GROUP BY after, later
), ranked AS (
    SELECT pair.side AS side, near.host AS near_host, near.path AS near_path, far.host AS far_host, far.path AS far_path,
        pair.n AS n,
        row_number() OVER (
            PARTITION BY pair.side ORDER BY pair.n DESC, near.host, near.path, far.host, far.path
        ) AS place
    FROM pair LEFT JOIN page AS near ON near.id = pair.near LEFT JOIN page AS far ON far.id = pair.far
)
SELECT side, near_host, near_path, far_host, far_path, n, (SELECT count(*) FROM here)
FROM ranked WHERE place <= :limit ORDER BY side, place
