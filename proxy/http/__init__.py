"""The intermediary: an honest HTTP/1.1 reverse proxy that does not know that tracking exists.

    server      a visitor's connection, and the process around it (the only importer of uvicorn)
    accepting   connections accepted where several processes share a socket
    life        what a server does from its start to its end, beside serving
    patience    how long a visitor's connection may stand still
    limits      how much of a visitor there may be: of a head, of connections
    halfclosed  an answer whose visitor has ended his side
    reader      requests as they arrive on a connection
    cycle       one request and its response as `receive` and `send`
    upgrade     a request that asks for a WebSocket: the same, and a tunnel after the 101
    target      request targets as they were sent (pure)
    gate        refuses what must not pass, and says who the peer is (pure)
    forward     the ASGI application that asks upstream and streams the answer
    tunnel      the visitor's direction of a WebSocket, on its way upstream
    websocket   the opening handshake, judged both ways, and where frames end (pure)
    exchange    one request and its answer on their way through upstream
    upstream    the keep-alive pool, its limits and its one clock
    dialing     how such a connection comes about: names, their addresses, sockets of this machine (the only importer of
                aiohappyeyeballs)
    connection  one connection of the pool: answers read and judged
    tls         what is between a connection and its socket for https
    parser      httptools under names of ours (its only importer)
    headers     field lists: what is forwarded, dropped, appended (pure)
    origins     upstream's own name in its answers, made the public one (pure)
    signals     taken over while a server runs
    errors      what can go wrong, whose fault it is, and the page that says so
    asgi        the types of the ASGI interface

Imports nothing of the other rooms: take them away and a plain proxy remains.
"""
