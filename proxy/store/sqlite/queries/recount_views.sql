-- Page views: all, by hour, by page, by status, those that failed or were slow, by how long they were in use; and events
-- by action.
INSERT INTO cell (kind, lane, day, subject, extra, n)
SELECT kind, lane, day, subject, extra, count(*)
FROM (
    SELECT :action AS kind, lane, day, action AS subject, 0 AS extra FROM counted
    UNION ALL
    SELECT :views, lane, day, 0, CASE WHEN lane = :person AND NOT state & 1 THEN :unconfirmed ELSE 0 END
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT :hour, lane, day, time / :hour_ms, 0
    FROM counted WHERE action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT :page, lane, day, uri.page, CASE WHEN lane = :person AND NOT state & 1 THEN :unconfirmed ELSE 0 END
    FROM counted JOIN uri ON uri.id = counted.uri
    WHERE action = (SELECT id FROM word WHERE value = 'page.visit')
    UNION ALL
    SELECT :status, lane, day, json_extract(facts.value, '$.status'), 0
    FROM counted JOIN word AS facts ON facts.id = counted.facts
    WHERE action = (SELECT id FROM word WHERE value = 'page.visit') AND json_type(facts.value, '$.status') = 'integer'
    UNION ALL
    SELECT :failed, lane, day, uri.page, facts.value ->> '$.status'
    FROM counted JOIN word AS facts ON facts.id = counted.facts JOIN uri ON uri.id = counted.uri
    WHERE action = (SELECT id FROM word WHERE value = 'page.visit') AND json_type(facts.value, '$.status') = 'integer'
        AND facts.value ->> '$.status' BETWEEN :failed_from AND :failed_to
    UNION ALL
    SELECT :slow, lane, day, uri.page, bucket_of(amount)
    FROM counted JOIN uri ON uri.id = counted.uri
    WHERE action = (SELECT id FROM word WHERE value = 'page.visit') AND amount >= :slow_ms
    UNION ALL
    SELECT :engaged, lane, day, uri.page, bucket_of(used.ms)
    FROM used JOIN counted ON counted.seq = used.seq JOIN uri ON uri.id = counted.uri
    UNION ALL
    SELECT :used, lane, day, 0, bucket_of(used.ms)
    FROM used JOIN counted ON counted.seq = used.seq
    WHERE counted.uri IS NOT NULL
)
GROUP BY kind, lane, day, subject, extra
