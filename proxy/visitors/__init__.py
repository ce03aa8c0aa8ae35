"""Who it is: cookie and page ids, which visitor a message belongs to, sessions, lanes. Pure."""
