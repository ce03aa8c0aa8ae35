-- Days that are empty, or reach into the one before.
SELECT id, start, until, before FROM (SELECT id, start, until, lag(until) OVER (ORDER BY id) AS before FROM day)
WHERE start >= until OR start < before
