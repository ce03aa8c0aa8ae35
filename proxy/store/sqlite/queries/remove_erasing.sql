-- All rows of a visitor are gone.
DELETE FROM erasing WHERE visitor = ?
