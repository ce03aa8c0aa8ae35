-- Texts that sessions name.
DELETE FROM suspect WHERE (kind, id) IN (
    SELECT :word, source FROM session WHERE id > :place AND id <= :end
    UNION SELECT :word, device FROM session WHERE id > :place AND id <= :end
    UNION SELECT :uri, uri FROM session WHERE id > :place AND id <= :end
    UNION SELECT :uri, entry FROM session WHERE id > :place AND id <= :end
)
