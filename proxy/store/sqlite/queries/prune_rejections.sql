-- Only the latest are kept.
DELETE FROM rejection WHERE id <= (SELECT max(id) FROM rejection) - ?
