-- Events of a page view that is not there.
SELECT event.seq, event.view FROM event LEFT JOIN event AS visit ON visit.seq = event.view
WHERE event.view IS NOT NULL AND visit.seq IS NULL
