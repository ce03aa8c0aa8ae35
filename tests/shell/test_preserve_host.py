"""F9: a site that knows only its own name, behind a proxy that has another."""

import socket
import threading
from pathlib import Path

import pytest
import websockets.sync.client
import websockets.sync.server
from websockets.exceptions import InvalidStatus
from whole import NGINX, Visitor, nginx, stored
from whole import serving as whole_serving
from wire import Origin, Seen, Served, Wire, eventually, ok, origin, proxying

FIELDS = (
    b"Location: %(up)s/a?b\r\nContent-Location: %(up)s/a.en\r\nRefresh: 5; url='%(up)s/next'\r\n"
    b"Link: <%(up)s/a.css>; rel=preload, </b>; rel=x, <//%(host)s/c>; rel=y\r\n"
    b"Set-Cookie: a=1; Domain=127.0.0.1; Path=/\r\nSet-Cookie: b=2; Domain=other.example\r\n"
    b"Access-Control-Allow-Origin: %(up)s\r\nX-Own: %(up)s/\r\nLink: <%(up)s.evil/>; rel=z\r\n"
)


def fields_of(site: Origin) -> bytes:
    return FIELDS % {b"up": site.url.encode(), b"host": site.url.removeprefix("http://").encode()}


def absolute(wire: Wire, seen: Seen) -> bool:
    """Names itself in every field there is, and in its body."""
    host = seen.all(b"host")[0]
    wire.send(ok(b"<a href=http://%b/>" % host, FIELDS % {b"up": b"http://" + host, b"host": host}))
    return True


def public_fields(public: bytes, own: bytes) -> list[tuple[bytes, bytes]]:
    host = public.partition(b"//")[2]
    return [
        (b"location", public + b"/a?b"),
        (b"content-location", public + b"/a.en"),
        (b"refresh", b"5; url='" + public + b"/next'"),
        (b"link", b"<" + public + b"/a.css>; rel=preload, </b>; rel=x, <//" + host + b"/c>; rel=y"),
        (b"set-cookie", b"a=1; Path=/"),
        (b"set-cookie", b"b=2; Domain=other.example"),
        (b"access-control-allow-origin", own),
        (b"x-own", own + b"/"),
        (b"link", b"<" + own + b".evil/>; rel=z"),
    ]


@pytest.mark.parametrize(
    ("configured", "trusted", "sent", "public"),
    [
        ("", (), b"", b"http://shop.example"),
        ("https://www.example:8443", (), b"", b"https://www.example:8443"),
        ("", (), b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n", b"http://shop.example"),
        ("", ("127.0.0.1",), b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\n", b"https://www.example"),
    ],
)
def test_f9_upstreams_name_goes_up_and_the_public_one_comes_back(
    configured: str, trusted: tuple[str, ...], sent: bytes, public: bytes
) -> None:
    with (
        origin(absolute) as site,
        proxying(site.url, preserve_host=False, public_origin=configured, trusted=trusted) as proxy,
    ):
        own = site.url.encode()
        answer = proxy.get(b"/x?y", sent)
    seen = site.seen[0]
    assert seen.all(b"host") == [own.removeprefix(b"http://")]
    assert seen.all(b"x-forwarded-host") == [b"www.example" if trusted else b"shop.example"]
    told = [field for field in answer.fields if field[0] in dict(public_fields(b"", b""))]
    assert told == public_fields(public, own)
    assert answer.body == b"<a href=" + own + b"/>"


def test_f9_by_default_no_name_is_touched() -> None:
    with origin(lambda wire, seen: wire.send(ok(b"", fields_of(site))) or True) as site, proxying(site.url) as proxy:
        answer = proxy.get()
    assert site.seen[0].all(b"host") == [b"shop.example"]
    own = [tuple(line.split(b": ", 1)) for line in fields_of(site).split(b"\r\n")[:-1]]
    assert answer.fields[2:-2] == [(name.lower(), value) for name, value in own]


def test_f9_a_304_says_the_same_as_the_200_before_it() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 304 Not Modified\r\n" + fields_of(site) + b"\r\n")
        return True

    with origin(handle) as site, proxying(site.url, preserve_host=False) as proxy:
        answer = proxy.get()
    assert answer.all(b"content-location") == [b"http://shop.example/a.en"]


def test_f9_whoever_asks_without_a_host_is_told_upstreams_own_names() -> None:
    with origin(absolute) as site, proxying(site.url, preserve_host=False) as proxy:
        answer = proxy.ask(b"GET / HTTP/1.0\r\n\r\n")
        assert answer.get(b"location") == site.url.encode() + b"/a?b"
    assert site.seen[0].all(b"host") == [site.url.removeprefix("http://").encode()]


def test_f9_a_site_on_a_unix_socket_is_localhost(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "site.sock"))
    listener.listen()
    seen: list[list[tuple[bytes, bytes]]] = []

    def serve() -> None:
        wire = Wire(listener.accept()[0])
        seen.append(wire.head()[1])
        wire.send(ok(b"", b"location: http://localhost/x\r\nset-cookie: a=1; Domain=localhost\r\n"))

    threading.Thread(target=serve, daemon=True).start()
    with listener, proxying(f"unix:{tmp_path}/site.sock", preserve_host=False) as proxy:
        answer = proxy.get()
    assert dict(seen[0])[b"host"] == b"localhost"
    assert answer.get(b"location") == b"http://shop.example/x" and answer.get(b"set-cookie") == b"a=1"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://[::1]:{}", b"[::1]:%d"),
        ("http://LocalHost:{}", b"localhost:%d"),
    ],
)
def test_f9_the_host_is_written_as_a_host_is(url: str, host: bytes) -> None:
    family = socket.AF_INET6 if "[" in url else socket.AF_INET
    try:
        listener = socket.create_server(("localhost" if family == socket.AF_INET else "::1", 0), family=family)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    port = listener.getsockname()[1]
    seen: list[bytes] = []

    def serve() -> None:
        wire = Wire(listener.accept()[0])
        seen.append(dict(wire.head()[1])[b"host"])
        wire.send(ok())

    threading.Thread(target=serve, daemon=True).start()
    with listener, proxying(url.format(port), preserve_host=False) as proxy:
        assert proxy.get().status == 200
    assert seen == [host % port]


# Servers that somebody else has written ------------------------------------------------------------------------------


def dial(proxy: Served, page: str) -> websockets.sync.client.ClientConnection:
    """A WebSocket that a page of this origin opens."""
    sock = socket.create_connection(("127.0.0.1", proxy.port))
    return websockets.sync.client.connect("ws://shop.example/", sock=sock, origin=page)


def test_w1_f9_a_websocket_server_sees_its_own_host_and_the_visitors_origin() -> None:
    hosts: list[tuple[str, str]] = []

    def echo(connection: websockets.sync.server.ServerConnection) -> None:
        assert connection.request is not None
        hosts.append((connection.request.headers["Host"], connection.request.headers["Origin"]))
        for message in connection:
            connection.send(message)

    with websockets.sync.server.serve(echo, "127.0.0.1", 0, origins=["http://shop.example"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        with proxying(f"http://127.0.0.1:{port}", preserve_host=False) as proxy:
            with dial(proxy, "http://shop.example") as client:
                client.send("hello")
                assert client.recv(10) == "hello"
            with pytest.raises(InvalidStatus, match="403"):
                dial(proxy, f"http://127.0.0.1:{port}")
        server.shutdown()
    assert hosts == [(f"127.0.0.1:{port}", "http://shop.example")]


VIRTUAL_HOSTS = """
    server {
        listen 127.0.0.1:@port@;
        server_name 127.0.0.1;
        root %s;
        location /old { return 302 /docs/; }
        location /login { add_header Set-Cookie "sid=1; Domain=127.0.0.1; Path=/" always; return 303 /docs/; }
        location /elsewhere { return 302 http://127.0.0.1.example/; }
    }
"""
"""Absolute redirects are nginx's default, with the name and the port that it was asked under."""


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_f9_nginx_with_virtual_hosts_that_redirects_absolutely(tmp_path: Path) -> None:
    docs = tmp_path / "site" / "docs"
    docs.mkdir(parents=True)
    (docs / "index.html").write_text("<!doctype html><html><head><title>Docs</title></head><body>hi</body></html>")
    http = VIRTUAL_HOSTS % (tmp_path / "site")
    tmp_path.chmod(0o755)
    with (
        nginx(tmp_path / "nginx", http=http, server="return 421;") as port,
        whole_serving(tmp_path, port, site__preserve_host="false") as served,
    ):
        for public_host in (b"shop.example", b"www.shop.example:8080"):
            visitor = Visitor(served.port, host=public_host)
            for target, status in ((b"/docs", 301), (b"/old", 302), (b"/login", 303)):
                answer = visitor.navigate(target)
                assert (answer.status, answer.get(b"location")) == (status, b"http://" + public_host + b"/docs/")
            assert visitor.cookies[b"sid"] == b"1" and b"Domain" not in (answer.get(b"set-cookie") or b"")
            assert visitor.load(b"/elsewhere").get(b"location") == b"http://127.0.0.1.example/"
            page = visitor.navigate(b"/docs/")
            assert page.status == 200 and b"/_footfall/t.js" in page.body
            visitor.close()
        assert eventually(lambda: len(stored(served.store, "page.visit")) == 2)
        uris = [event["params"]["uri"] for event in stored(served.store, "page.visit")]
        assert uris == ["http://shop.example/docs/", "http://www.shop.example:8080/docs/"]
