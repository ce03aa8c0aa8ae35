-- Where sessions went after hovers over one element: the first row is of none, then the :limit pages of the most. Events
-- of a session are parted by the page views that come after them; each part has one hover or more, and the page view that
-- they lead to.
WITH RECURSIVE hover AS MATERIALIZED (
    SELECT seq, time, session FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane AND session IS NOT NULL
        AND action = (SELECT id FROM word WHERE value = :action) AND amount IS NOT NULL
        AND target = (
            SELECT target.id FROM page JOIN target ON target.page = page.id
            WHERE page.host = :host AND page.path = :path AND target.name = :name
        )
), own AS MATERIALIZED (
    SELECT DISTINCT session FROM hover
), told (seq, back, time, action, session, uri) AS (
    SELECT event.seq, event.back, event.time, event.action, event.session, event.uri
    FROM own CROSS JOIN session ON session.id = own.session CROSS JOIN event ON event.seq = session.top
    UNION ALL
    SELECT event.seq, event.back, event.time, event.action, event.session, event.uri
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
), moment AS (
    SELECT session, time, seq, NULL AS page FROM hover
    UNION ALL
    SELECT told.session, told.time, told.seq, uri.page FROM told JOIN uri ON uri.id = told.uri
    WHERE told.action = (SELECT id FROM word WHERE value = 'page.visit')
        AND uri.page <> (SELECT id FROM page WHERE host = :host AND path = :path)
), parted AS (
    SELECT session, page, count(page) OVER (PARTITION BY session ORDER BY time DESC, seq DESC) AS part FROM moment
), led AS (
    SELECT page, max(page) OVER (PARTITION BY session, part) AS following FROM parted
), counted AS MATERIALIZED (
    SELECT following AS page, count(*) AS n FROM led WHERE page IS NULL GROUP BY following
), ranked AS (
    SELECT page.host, page.path, counted.n
    FROM counted JOIN page ON page.id = counted.page
    ORDER BY counted.n DESC, page.host, page.path
    LIMIT :limit
)
SELECT host, path, n, total FROM (
    SELECT NULL AS host, NULL AS path, coalesce((SELECT n FROM counted WHERE page IS NULL), 0) AS n,
        (SELECT count(page) FROM counted) AS total
    UNION ALL
    SELECT host, path, n, 0 FROM ranked
)
ORDER BY host IS NOT NULL, n DESC, host, path
