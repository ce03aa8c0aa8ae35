-- Texts that events name.
DELETE FROM suspect WHERE (kind, id) IN (
    WITH seen AS MATERIALIZED (
        SELECT action, title, referrer, facts, undefined, uri, target FROM event WHERE seq > :place AND seq <= :end
    )
    SELECT :word, action FROM seen
    UNION SELECT :word, title FROM seen
    UNION SELECT :word, referrer FROM seen
    UNION SELECT :word, facts FROM seen
    UNION SELECT :word, undefined FROM seen
    UNION SELECT :uri, uri FROM seen
    UNION SELECT :target, target FROM seen
)
