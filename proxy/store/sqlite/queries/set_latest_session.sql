-- A visitor's latest session.
UPDATE visitor SET session = ? WHERE id = ?
