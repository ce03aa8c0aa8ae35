-- A browser shows this page: a person's, with what only the browser knows.
UPDATE event SET lane = 2, state = state | 1, uri = ?, title = ?, referrer = ?, facts = ? WHERE seq = ?
