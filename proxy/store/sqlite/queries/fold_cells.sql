-- What was counted lately goes to what was counted before.
INSERT INTO cell (kind, lane, day, subject, extra, n)
SELECT kind, lane, day, subject, extra, sum(n) FROM fresh_cell
WHERE true -- or ON CONFLICT would be read as a join's ON
GROUP BY kind, lane, day, subject, extra HAVING sum(n) <> 0
ON CONFLICT (kind, lane, day, subject, extra) DO UPDATE SET n = n + excluded.n
