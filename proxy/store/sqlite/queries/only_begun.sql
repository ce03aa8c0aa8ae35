-- Whether some sessions only are asked about.
SELECT EXISTS (SELECT 1 FROM temp.sqlite_master WHERE name = 'event')
