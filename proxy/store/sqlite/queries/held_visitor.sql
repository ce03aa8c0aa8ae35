-- The visitor that a uuid stands for; whether it is a crawler, which is none.
SELECT main, EXISTS (SELECT 1 FROM presence WHERE visitor = main AND lane = 0)
FROM (SELECT coalesce(twin_of, id) AS main FROM visitor WHERE uuid = :uuid)
