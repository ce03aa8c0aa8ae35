-- Sessions from the sources, in which something was in a time.
INSERT INTO latest (session) SELECT session FROM came WHERE start < :until AND last >= :since
