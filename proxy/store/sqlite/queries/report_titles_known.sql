-- What browsers last called some pages: of the addresses of each that have a title, the one that came last.
SELECT uri.page, word.value, max(uri.id)
FROM json_each(:pages) AS page CROSS JOIN uri ON uri.page = page.value JOIN word ON word.id = uri.title
GROUP BY uri.page
