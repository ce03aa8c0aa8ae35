-- Whether a visitor is a crawler.
SELECT EXISTS (SELECT 1 FROM presence WHERE visitor = ? AND lane = 0)
