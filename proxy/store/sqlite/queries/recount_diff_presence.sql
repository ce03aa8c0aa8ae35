-- The same of visitors.
SELECT counted.visitor, counted.kind, counted.subject, counted.lane, counted.day, stored.n, counted.n
FROM temp.presence AS counted LEFT JOIN main.presence AS stored
    ON (stored.visitor, stored.kind, stored.subject, stored.lane, stored.day)
        = (counted.visitor, counted.kind, counted.subject, counted.lane, counted.day)
WHERE stored.n IS NOT counted.n
UNION ALL
SELECT stored.visitor, stored.kind, stored.subject, stored.lane, stored.day, stored.n, NULL
FROM main.presence AS stored LEFT JOIN temp.presence AS counted
    ON (stored.visitor, stored.kind, stored.subject, stored.lane, stored.day)
        = (counted.visitor, counted.kind, counted.subject, counted.lane, counted.day)
WHERE counted.n IS NULL
