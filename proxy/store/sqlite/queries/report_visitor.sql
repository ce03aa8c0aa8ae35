-- A visitor by its uuid; a twin's leads to the visitor that it turned out to be.
SELECT other.id, other.uuid
FROM visitor JOIN visitor AS other ON other.id = coalesce(visitor.twin_of, visitor.id)
WHERE visitor.uuid = :uuid
