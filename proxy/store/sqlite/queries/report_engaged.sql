-- How long page views were in use: the median, and of how many. What is not known of its view is left out.
WITH used AS (
    SELECT sum(event.amount) AS ms
    FROM event
    WHERE event.time >= :since AND event.time < :until AND event.lane = :lane
        AND event.action = (SELECT id FROM word WHERE value = 'page.leave')
        AND event.view IS NOT NULL AND event.amount IS NOT NULL
    GROUP BY event.view
), ranked AS (
    SELECT ms, row_number() OVER (ORDER BY ms) AS place, count(*) OVER () AS n FROM used
)
SELECT ms, n FROM ranked WHERE place = (n + 1) / 2
