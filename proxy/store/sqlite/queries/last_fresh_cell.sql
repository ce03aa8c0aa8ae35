-- How many cells were counted lately: their table is cleared as a whole, so that its last row has their number.
SELECT coalesce(max(rowid), 0) FROM fresh_cell
