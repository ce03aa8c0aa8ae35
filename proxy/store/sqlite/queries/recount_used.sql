-- engaged_ms of the page.leave events of a page view, added up.
INSERT INTO used (seq, ms)
SELECT leave.view, sum(leave.amount)
FROM event AS leave JOIN event AS visit ON visit.seq = leave.view
WHERE leave.action = (SELECT id FROM word WHERE value = 'page.leave') AND leave.amount IS NOT NULL
    AND visit.action = (SELECT id FROM word WHERE value = 'page.visit')
GROUP BY leave.view
