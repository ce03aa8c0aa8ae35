-- Events lead to the one of their session that was told before them.
UPDATE event SET back = own.counted
FROM (
    SELECT seq,
        CASE WHEN session IS NOT NULL THEN seq - lag(seq) OVER (PARTITION BY session ORDER BY seq) END AS counted
    FROM event
) AS own
WHERE own.seq = event.seq AND event.back IS NOT own.counted
