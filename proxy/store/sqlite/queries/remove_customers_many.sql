-- What ties customers to visitors that are gone.
DELETE FROM customer WHERE visitor IN (
    SELECT column1 FROM (VALUES (?)) WHERE NOT EXISTS (SELECT 1 FROM visitor WHERE visitor.id = column1)
)
