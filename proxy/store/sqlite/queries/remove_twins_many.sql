-- Those who turned out to be a visitor that is gone.
DELETE FROM visitor WHERE twin_of IN (
    SELECT column1 FROM (VALUES (?)) WHERE NOT EXISTS (SELECT 1 FROM visitor AS other WHERE other.id = column1)
)
