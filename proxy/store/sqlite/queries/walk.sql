-- Where a walk is.
SELECT begun, place, until FROM walk WHERE name = ?
