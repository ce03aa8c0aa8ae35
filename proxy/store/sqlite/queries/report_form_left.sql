-- Page views on which a form was begun and not sent, by the field that was changed last.
WITH act AS MATERIALIZED (
    SELECT event.seq AS seq, event.time AS time, event.view AS view, action.value AS action
    FROM event JOIN word AS action ON action.id = event.action
    WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action IN (SELECT id FROM word WHERE value IN ('form.start', 'field.change', 'form.submit'))
        AND event.target = (
            SELECT target.id FROM page JOIN target ON target.page = page.id
            WHERE page.host = :host AND page.path = :path AND target.name = :name
        )
        AND event.view IS NOT NULL
), begun AS (
    SELECT view FROM act GROUP BY view HAVING NOT max(action = 'form.submit')
), changed AS (
    SELECT view, seq, row_number() OVER (PARTITION BY view ORDER BY time DESC, seq DESC) AS place
    FROM act WHERE action = 'field.change'
), last AS (
    SELECT CAST(json_extract(own.more, '$.field') AS TEXT) AS field
    FROM begun LEFT JOIN changed ON changed.view = begun.view AND changed.place = 1
    LEFT JOIN main.event AS own ON own.seq = changed.seq
)
SELECT field, count(*) AS views, sum(count(*)) OVER (), count(*) OVER ()
FROM last
GROUP BY field
ORDER BY views DESC, field IS NULL, field
LIMIT :limit
