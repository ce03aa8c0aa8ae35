-- When something happened. Sessions whose first events are gone have a day as well.
INSERT INTO moment (slot, first, last, low, high)
SELECT time / :reach_ms, min(seq), max(seq), min(time), max(time)
FROM (SELECT seq, time FROM event UNION ALL SELECT NULL, start FROM session)
GROUP BY time / :reach_ms
