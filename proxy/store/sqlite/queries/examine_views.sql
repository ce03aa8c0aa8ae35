-- Events of a page view that is not there, and is none that was kept no longer (retention.py).
SELECT event.seq, event.view FROM event LEFT JOIN event AS visit ON visit.seq = event.view
WHERE event.view IS NOT NULL AND visit.seq IS NULL
    AND event.view > coalesce((SELECT until FROM walk WHERE name = 'events'), 0)
