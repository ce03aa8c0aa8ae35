-- The column of a table that a reference is.
SELECT "from" FROM pragma_foreign_key_list(?) WHERE id = ?
