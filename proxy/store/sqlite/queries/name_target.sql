-- An element or a form, for a person to read.
SELECT target.name || ' on ' || page.host || page.path FROM target JOIN page ON page.id = target.page WHERE target.id = ?
