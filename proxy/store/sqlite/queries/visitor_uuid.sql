-- The uuid of a visitor.
SELECT uuid FROM visitor WHERE id = ?
