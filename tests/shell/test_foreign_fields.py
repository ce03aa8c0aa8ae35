"""Fields that did not come through our parser: plain lists, as applications send them and middlewares expect them."""

import gzip
import http.client
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from wire import Wire, eventually, serving

from proxy import Footfall
from proxy.asgi import ASGIApp, Receive, Scope, Send
from proxy.config import load

PAGE = "<!doctype html><html><head><meta charset=utf-8><title>x</title></head><body>" + "<p>text</p>" * 200
NAVIGATION = {"user-agent": "Mozilla/5.0 Firefox/140.0", "accept": "text/html", "accept-encoding": "gzip"}
NAVIGATES = "".join(f"{name}: {value}\r\n" for name, value in NAVIGATION.items()).encode()


def tracked(app: ASGIApp, folder: Path) -> Footfall:
    settings = {
        "FOOTFALL_STORE__URL": f"sqlite:///{folder}/footfall.db",
    }
    return Footfall(app, load(None, settings, {}))


@pytest.mark.parametrize("field", [(b"x", b"a\r\nset-cookie: b=1"), (b"X-Upper", b"1"), (b"", b"1"), (b"x:y", b"1")])
@pytest.mark.parametrize("kind", [b"text/html", b"text/plain"])
def test_f1_a_foul_field_of_an_application_is_never_written(kind: bytes, field: tuple[bytes, bytes], tmp_path: Path):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind), field]})
        await send({"type": "http.response.body", "body": b"<html><head></head>"})

    with serving(tracked(app, tmp_path)) as served:
        wire = served.connect()
        wire.send(b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + NAVIGATES + b"\r\n")
        answer = wire.answer()
    assert answer.status == 500 and {b"set-cookie", b"x-upper", b"x:y"}.isdisjoint(name for name, _ in answer.fields)


@pytest.mark.parametrize("given", [lambda pairs: iter(pairs), lambda pairs: [list(pair) for pair in pairs]])
def test_fields_may_be_any_iterable_of_pairs(given: Any, tmp_path: Path):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan")
        headers = given([(b"content-type", b"text/html"), (b"x-own", b"1")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE.encode()})

    with serving(tracked(app, tmp_path)) as served:
        wire: Wire = served.connect()
        wire.send(b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + NAVIGATES + b"\r\n")
        answer = wire.answer()
    assert answer.status == 200 and answer.all(b"x-own") == [b"1"] and b"data-page=" in answer.body


def test_a_middleware_around_us_finds_the_lists_that_it_counts_on(tmp_path: Path):
    async def page(request: Any) -> HTMLResponse:
        return HTMLResponse(PAGE, headers={"x-own": "1"})

    app = GZipMiddleware(tracked(Starlette(routes=[Route("/", page)]), tmp_path), minimum_size=10)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            assert eventually(lambda: server.started)
            connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)
            connection.request("GET", "/", headers=NAVIGATION)
            answer = connection.getresponse()
            body = gzip.decompress(answer.read())
            connection.close()
        finally:
            server.should_exit = True
            thread.join(10)
    assert answer.getheader("content-encoding") == "gzip" and answer.getheader("x-own") == "1"
    assert b"data-page=" in body and (answer.getheader("set-cookie") or "").startswith("footfall=")
