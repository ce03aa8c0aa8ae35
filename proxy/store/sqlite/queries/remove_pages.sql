-- Pages of which there is no address and no element, and that nothing else names.
DELETE FROM page WHERE id IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM uri WHERE uri.page = page.id)
    AND NOT EXISTS (SELECT 1 FROM target WHERE target.page = page.id)
    AND id NOT IN (SELECT page FROM blocked)
    AND id NOT IN (SELECT page FROM rejection WHERE page IS NOT NULL)
