-- Whoever turned out to be a visitor.
DELETE FROM visitor WHERE twin_of = ?
