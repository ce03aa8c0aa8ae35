-- A visitor has no name any more; nobody finds it by the one it had.
UPDATE visitor SET uuid = randomblob(16) WHERE id = ?
