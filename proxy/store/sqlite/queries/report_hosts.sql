-- Whether there are pages of more than one host: the first and the last by host have different ones. A page without a
-- path is none (schema_2.sql).
SELECT coalesce((SELECT host FROM page WHERE path <> '' ORDER BY host LIMIT 1)
    <> (SELECT host FROM page WHERE path <> '' ORDER BY host DESC LIMIT 1), 0)
