-- Cells that are missing, wrong, or too many.
SELECT counted.kind, counted.lane, counted.day, counted.subject, counted.extra, stored.n, counted.n
FROM temp.cell AS counted LEFT JOIN temp.stored_cell AS stored
    ON (stored.kind, stored.lane, stored.day, stored.subject, stored.extra)
        = (counted.kind, counted.lane, counted.day, counted.subject, counted.extra)
WHERE stored.n IS NOT counted.n
UNION ALL
SELECT stored.kind, stored.lane, stored.day, stored.subject, stored.extra, stored.n, NULL
FROM temp.stored_cell AS stored LEFT JOIN temp.cell AS counted
    ON (stored.kind, stored.lane, stored.day, stored.subject, stored.extra)
        = (counted.kind, counted.lane, counted.day, counted.subject, counted.extra)
WHERE counted.n IS NULL
