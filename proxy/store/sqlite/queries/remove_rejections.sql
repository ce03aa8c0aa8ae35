-- Refused events, before a time.
DELETE FROM rejection WHERE time < ?
