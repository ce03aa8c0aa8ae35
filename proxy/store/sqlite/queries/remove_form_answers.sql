-- Those that nothing was told of in time, and those of a visitor.
DELETE FROM form_answer WHERE time < :before OR visitor = :visitor
