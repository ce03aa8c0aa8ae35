-- The same of whole days.
WITH failed AS MATERIALIZED (
    SELECT subject AS page, extra AS status, sum(n) AS n FROM counts
    WHERE kind = :failed AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject, extra
    HAVING sum(n) <> 0
), gone AS MATERIALIZED (
    SELECT subject AS page, extra AS status, sum(n) AS n FROM counts
    WHERE kind = :failed_exit AND lane = :lane AND day BETWEEN :first AND :last
    GROUP BY subject, extra
)
SELECT page.host, page.path, failed.status, failed.n, coalesce(gone.n, 0), count(*) OVER ()
FROM failed
JOIN page ON page.id = failed.page
LEFT JOIN gone ON gone.page = failed.page AND gone.status = failed.status
ORDER BY failed.n DESC, page.host, page.path, failed.status
LIMIT :limit
