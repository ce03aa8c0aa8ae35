-- Sessions: all, of one page, by their first and last page, by where they came from and with what, and from which page to
-- which.
INSERT INTO cell (kind, lane, day, subject, extra, n)
SELECT kind, lane, day, subject, extra, count(*)
FROM (
    SELECT :sessions AS kind, lane, day, 0 AS subject, 0 AS extra FROM stay
    UNION ALL
    SELECT :bounces, lane, day, 0, 0 FROM stay WHERE pages = 1
    UNION ALL
    SELECT :entry, lane, day, uri.page, 0 FROM stay JOIN uri ON uri.id = stay.entry
    UNION ALL
    SELECT :exit, lane, day, uri.page, 0 FROM stay JOIN uri ON uri.id = stay.uri
    UNION ALL
    SELECT :source, lane, day, text.word, 0 FROM stay JOIN text ON text.value = stay.source
    UNION ALL
    SELECT :failed_exit, lane, day, uri.page, trouble / 2 FROM stay JOIN uri ON uri.id = stay.uri WHERE trouble >= 2
    UNION ALL
    SELECT :slow_exit, lane, day, uri.page, 0 FROM stay JOIN uri ON uri.id = stay.uri WHERE trouble % 2
    UNION ALL
    SELECT :device, lane, day, text.word, 0 FROM stay JOIN text ON text.value = stay.device
    UNION ALL
    SELECT :next, stay.lane, stay.day, visit.before, visit.page
    FROM visit JOIN stay ON stay.id = visit.session
    WHERE visit.before <> visit.page
)
GROUP BY kind, lane, day, subject, extra
