-- A visitor is no customer any more.
DELETE FROM customer WHERE visitor = ?
