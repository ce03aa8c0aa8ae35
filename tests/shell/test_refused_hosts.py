"""What is counted of refused requests: never text of theirs that was not believed."""

import socket

from whole import serving, sites
from wire import Wire, eventually


def test_the_host_of_a_malformed_request_is_not_kept(tmp_path):
    with sites() as port, serving(tmp_path, port) as served:
        wire = Wire(socket.create_connection(("127.0.0.1", served.port)))
        wire.send(b"GET / HTTP/1.1\r\nHost: user:SECRET@shop\r\n\r\n")
        assert wire.answer().status == 400
        served.stop()
        eventually(lambda: not served.family())
        text = b"".join(path.read_bytes() for path in tmp_path.glob("footfall.db*"))
        assert b"secret" not in text.lower() and b"refused" in text
