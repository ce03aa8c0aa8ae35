-- Whether there is anything to look for.
SELECT EXISTS (SELECT 1 FROM suspect WHERE ready = 1)
