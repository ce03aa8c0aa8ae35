-- Version 7: which visitors are known as customers.

-- mark: a keyed hash of what the site calls the customer (visitors/customers.py). A visitor has one at most; a customer
-- may have several browsers, each of them a visitor. proof of such a visitor has bit 8.
CREATE TABLE customer (
    mark    BLOB NOT NULL,
    visitor INTEGER NOT NULL REFERENCES visitor (id),
    PRIMARY KEY (mark, visitor)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX customer_visitor ON customer (visitor);

-- Answers of the site to requests that looked like forms, for half an hour at most: what a browser tells of the form
-- itself may still be on its way. forms: names of the tracked forms on the page that was answered, as a JSON array.
-- Texts, not words of the dictionary: they are gone so soon.
CREATE TABLE form_answer (
    id       INTEGER PRIMARY KEY,
    visitor  INTEGER NOT NULL REFERENCES visitor (id),
    time     INTEGER NOT NULL,
    host     TEXT NOT NULL,
    path     TEXT NOT NULL,
    status   INTEGER NOT NULL,
    redirect TEXT NOT NULL,
    forms    TEXT NOT NULL
) STRICT;
CREATE INDEX form_answer_visitor ON form_answer (visitor);
CREATE INDEX form_answer_time ON form_answer (time);
