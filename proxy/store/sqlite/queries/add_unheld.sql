-- When pages were not held, on a day.
INSERT INTO unheld (day, times, first, last, over) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (day) DO UPDATE SET times = times + excluded.times, first = min(first, excluded.first),
    last = max(last, excluded.last), over = max(over, excluded.over)
