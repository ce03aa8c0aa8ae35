-- Sessions. Of several session.start rows, which should not be, the first; SQLite takes the others from the row of min().
INSERT INTO stay (id, day, lane, entry, source, device, view, viewed, uri, trouble, pages, events, top)
WITH start AS MATERIALIZED (
    SELECT session, min(seq), lane, uri, referrer, facts
    FROM event
    WHERE session IS NOT NULL AND action = (SELECT id FROM word WHERE value = 'session.start')
    GROUP BY session
), number AS MATERIALIZED (
    SELECT session, count(*) AS n FROM visit GROUP BY session
), act AS MATERIALIZED (
    SELECT session, count(*) AS n FROM event
    WHERE session IS NOT NULL AND action NOT IN (SELECT id FROM word WHERE value IN ('session.start', 'session.end'))
    GROUP BY session
), latest AS MATERIALIZED (
    SELECT session, max(seq) AS seq FROM event WHERE session IS NOT NULL GROUP BY session
)
SELECT session.id, CASE WHEN session.start < moment.until THEN moment.day ELSE moment.later END,
    coalesce(start.lane, session.lane), start.uri,
    CASE WHEN start.session IS NOT NULL THEN source_of(referrer.value, facts.value, page.host) END,
    CASE WHEN json_type(facts.value, '$.source') = 'text' THEN facts.value ->> '$.source' END,
    visit.seq, visit.time, visit.uri, visit.trouble, coalesce(number.n, 0), coalesce(act.n, 0), latest.seq
FROM session
JOIN moment ON moment.slot = session.start / :reach_ms
LEFT JOIN start ON start.session = session.id
LEFT JOIN visit ON visit.session = session.id AND visit.place = 1
LEFT JOIN number ON number.session = session.id
LEFT JOIN act ON act.session = session.id
LEFT JOIN latest ON latest.session = session.id
LEFT JOIN word AS referrer ON referrer.id = start.referrer
LEFT JOIN word AS facts ON facts.id = start.facts
LEFT JOIN uri ON uri.id = start.uri
LEFT JOIN page ON page.id = uri.page
