-- Version 12: under load visits are stored as they came, and entered among the events many at once (staging.py).

-- id: of whoever staged them a range of its own, ascending; below 0 of what could not be read, and is only kept.
-- visits: pickled (protocol 5), a list of tuples of the fields of a `Visit` (store/base.py) in their order, of plain values.
-- Who changes those fields changes this format: a migration has to write what is staged anew.
CREATE TABLE staged (
    id INTEGER PRIMARY KEY,
    visits BLOB NOT NULL
);
