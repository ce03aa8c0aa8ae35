-- What cannot be read: it is kept, and waits no more.
UPDATE staged SET id = -id WHERE id = ?
