-- All sessions of a visitor.
SELECT id, start, last, reason FROM session WHERE visitor = ? ORDER BY start
