-- How long people were in fields of a form until they had changed them: a histogram of each. :fields is a JSON array of
-- their names.
WITH told AS MATERIALIZED (
    SELECT CAST(json_extract(own.more, '$.field') AS TEXT) AS name, bucket_of(event.amount) AS bucket
    FROM event CROSS JOIN main.event AS own ON own.seq = event.seq
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'field.change')
        AND event.target = (
            SELECT target.id FROM page JOIN target ON target.page = page.id
            WHERE page.host = :host AND page.path = :path AND target.name = :name
        )
        AND event.amount IS NOT NULL AND json_type(own.more, '$.field') = 'text'
)
SELECT name, bucket, count(*)
FROM told
WHERE name IN (SELECT value FROM json_each(:fields))
GROUP BY name, bucket
ORDER BY name, bucket
