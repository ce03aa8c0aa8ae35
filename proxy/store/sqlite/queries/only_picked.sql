-- How many events were picked.
SELECT count(*) FROM temp.event
