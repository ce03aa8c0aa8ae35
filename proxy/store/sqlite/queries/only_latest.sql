-- Sessions that have met all :filters filters.
INSERT INTO latest (session) SELECT session FROM matched GROUP BY session HAVING count(*) = :filters
