-- Version 7: which visitors are known as customers.

-- mark: a keyed hash of what the site calls the customer (visitors/customers.py). A visitor has one at most; a customer
-- may have several browsers, each of them a visitor. proof of such a visitor has bit 8.
CREATE TABLE customer (
    mark    BLOB NOT NULL,
    visitor INTEGER NOT NULL REFERENCES visitor (id),
    PRIMARY KEY (mark, visitor)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX customer_visitor ON customer (visitor);
