-- All but the latest answers to a visitor.
DELETE FROM form_answer
WHERE visitor = :visitor AND id <= (
    SELECT id FROM form_answer WHERE visitor = :visitor ORDER BY id DESC LIMIT 1 OFFSET :most
)
