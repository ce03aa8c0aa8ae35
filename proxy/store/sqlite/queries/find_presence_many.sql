-- Of visitors on days: how often they were there already and on which days before and after; these two are not looked for
-- where they were there. One JSON array of [n, before, after] in the order of the rows.
SELECT json_group_array(json_array(
    n,
    CASE WHEN n IS NULL THEN (
        SELECT max(day) FROM presence
        WHERE visitor = column1 AND kind = column2 AND subject = column3 AND lane = column4 AND day < column5
    ) END,
    CASE WHEN n IS NULL THEN (
        SELECT min(day) FROM presence
        WHERE visitor = column1 AND kind = column2 AND subject = column3 AND lane = column4 AND day > column5
    ) END
))
FROM (
    SELECT wanted.*, presence.n AS n
    FROM (VALUES (?, ?, ?, ?, ?)) AS wanted
    LEFT JOIN presence ON visitor = column1 AND kind = column2 AND subject = column3 AND lane = column4 AND day = column5
)
