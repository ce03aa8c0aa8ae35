-- Whose rows are to go, whether a visitor of that number is still there.
SELECT erasing.visitor, visitor.id IS NOT NULL FROM erasing LEFT JOIN visitor ON visitor.id = erasing.visitor LIMIT 1
