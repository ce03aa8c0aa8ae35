-- The uuids of a visitor, and of whoever turned out to be the same.
SELECT uuid FROM visitor WHERE id = :visitor OR twin_of = :visitor
