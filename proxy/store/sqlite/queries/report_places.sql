-- Pages by their rows, :pages a JSON array of these.
SELECT id, host, path FROM page WHERE id IN (SELECT value FROM json_each(:pages))
