-- The marks of all visitors that were erased.
SELECT mark FROM erased WHERE is_visitor = 1
