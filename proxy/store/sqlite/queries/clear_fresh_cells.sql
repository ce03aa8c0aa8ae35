DELETE FROM fresh_cell
