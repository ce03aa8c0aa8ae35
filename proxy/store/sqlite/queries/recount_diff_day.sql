-- Days that are missing, or too short for what happened.
SELECT temp.day.id, stored.start || ' to ' || stored.until, temp.day.start || ' to ' || temp.day.until
FROM temp.day LEFT JOIN main.day AS stored ON stored.id = temp.day.id
WHERE stored.start IS NOT temp.day.start OR stored.until IS NOT temp.day.until
