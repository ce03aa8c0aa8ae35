-- The visits of what waits.
SELECT visits FROM staged WHERE id = ?
