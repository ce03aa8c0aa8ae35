"""The tracking around any ASGI application: joins what page/, visitors/ and intake/ decide, in their order."""
