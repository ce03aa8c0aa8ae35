-- How long an element was hovered over so far: a histogram.
SELECT bucket, n FROM dwell WHERE target = ? ORDER BY bucket
