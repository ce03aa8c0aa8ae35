-- Days that were missing or too short.
INSERT INTO main.day (id, start, until) SELECT id, start, until FROM temp.day WHERE true
ON CONFLICT (id) DO UPDATE SET start = excluded.start, until = excluded.until;
-- Every event is found by its time.
INSERT INTO main.reach (slot, first, last) SELECT slot, first, last FROM temp.reach WHERE true
ON CONFLICT (slot) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last);
-- Cells are what was counted ...
INSERT INTO main.cell (kind, lane, day, subject, extra, n)
SELECT kind, lane, day, subject, extra, n FROM temp.cell EXCEPT SELECT kind, lane, day, subject, extra, n FROM main.cell
WHERE true
ON CONFLICT (kind, lane, day, subject, extra) DO UPDATE SET n = excluded.n;
-- ... and nothing else.
DELETE FROM main.cell WHERE NOT EXISTS (
    SELECT 1 FROM temp.cell AS counted
    WHERE (counted.kind, counted.lane, counted.day, counted.subject, counted.extra)
        = (main.cell.kind, main.cell.lane, main.cell.day, main.cell.subject, main.cell.extra)
);
-- Visitors were there as often as was counted ...
INSERT INTO main.presence (visitor, kind, subject, lane, day, n)
SELECT visitor, kind, subject, lane, day, n FROM temp.presence
EXCEPT SELECT visitor, kind, subject, lane, day, n FROM main.presence
WHERE true
ON CONFLICT (visitor, kind, subject, lane, day) DO UPDATE SET n = excluded.n;
-- ... and nowhere else.
DELETE FROM main.presence WHERE NOT EXISTS (
    SELECT 1 FROM temp.presence AS counted
    WHERE (counted.visitor, counted.kind, counted.subject, counted.lane, counted.day)
        = (main.presence.visitor, main.presence.kind, main.presence.subject, main.presence.lane, main.presence.day)
);
