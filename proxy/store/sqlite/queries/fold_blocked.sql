-- All but the :kept rows that were seen last are counted in their day's shared row of that reason.
INSERT INTO blocked (day, page, reason, n, last)
SELECT day, :other, reason, sum(n), max(last)
FROM (SELECT * FROM blocked WHERE page <> :other ORDER BY last DESC, day DESC, page, reason LIMIT -1 OFFSET :kept)
WHERE true -- or ON CONFLICT would be read as a join's ON
GROUP BY day, reason
ON CONFLICT (day, page, reason) DO UPDATE SET n = n + excluded.n, last = max(last, excluded.last)
