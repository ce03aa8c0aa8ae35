-- How long an element was hovered over so far: a histogram, as one JSON array of [bucket, n].
SELECT json_group_array(json_array(bucket, n)) FROM (SELECT bucket, n FROM dwell WHERE target = ? ORDER BY bucket)
