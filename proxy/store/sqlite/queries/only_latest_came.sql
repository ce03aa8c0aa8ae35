-- Sessions from the sources, in which something can have been in a time.
INSERT INTO latest (session) SELECT session FROM came WHERE start < :until AND until > :since
