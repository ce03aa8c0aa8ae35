-- Events that lead to another one than the one of their session that was told before them.
SELECT seq, back, counted
FROM (
    SELECT seq, back,
        CASE WHEN session IS NOT NULL THEN seq - lag(seq) OVER (PARTITION BY session ORDER BY seq) END AS counted
    FROM event
)
WHERE back IS NOT counted
