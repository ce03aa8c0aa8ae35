-- Whether a mark is there.
SELECT EXISTS (SELECT 1 FROM erased WHERE mark = ?)
