-- How many events report_after.sql would tell of without its limit, counted up to :most.
SELECT count(*) FROM (
    SELECT 1 FROM event
    WHERE seq > :seq AND action <> coalesce((SELECT id FROM word WHERE value = 'session.end'), -1)
    LIMIT :most
)
