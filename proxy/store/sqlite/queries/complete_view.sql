-- What the server knows of a page.visit that a confirmation had healed before it arrived.
UPDATE event SET state = state & ~2, amount = ?, facts = ?, referrer = coalesce(referrer, ?) WHERE seq = ?
