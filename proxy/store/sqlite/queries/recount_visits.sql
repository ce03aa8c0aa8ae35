-- The page views of sessions, by time and seq.
INSERT INTO visit (session, place, seq, time, uri, page, before, trouble)
SELECT event.session,
    row_number() OVER (PARTITION BY event.session ORDER BY event.time DESC, event.seq DESC),
    event.seq, event.time, event.uri, uri.page,
    lead(uri.page) OVER (PARTITION BY event.session ORDER BY event.time DESC, event.seq DESC),
    nullif(
        CASE WHEN json_type(facts.value, '$.status') = 'integer'
            AND facts.value ->> '$.status' BETWEEN :failed_from AND :failed_to
            THEN 2 * (facts.value ->> '$.status') ELSE 0 END
            + coalesce(event.amount >= :slow_ms, 0),
        0
    )
FROM event LEFT JOIN uri ON uri.id = event.uri LEFT JOIN word AS facts ON facts.id = event.facts
WHERE event.session IS NOT NULL AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
