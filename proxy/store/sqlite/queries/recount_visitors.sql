-- Visitors by the day before on which they were there.
INSERT INTO cell (kind, lane, day, subject, extra, n)
SELECT
    CASE kind WHEN :views THEN :visitors WHEN :hour THEN :hour_visitors WHEN :page THEN :page_visitors
        WHEN :click THEN :click_visitors
        WHEN :form THEN :form_visitors END,
    lane, day, subject, before, count(*)
FROM (
    SELECT kind, lane, day, subject,
        lag(day, 1, :never) OVER (PARTITION BY visitor, kind, subject, lane ORDER BY day) AS before
    FROM presence
)
GROUP BY kind, lane, day, subject, before
