"""footfall wrapped around somebody's FastAPI application, without a proxy: the same walk gives the same events."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import wire
from whole import (
    FIREFOX,
    HERE,
    NAVIGATION,
    SUBRESOURCE,
    Visitor,
    answers,
    ended,
    event_of,
    free_port,
    outcomes,
    serving,
    stored,
    untagged,
)

from proxy import Footfall
from proxy.config import Config, ConfigError
from proxy.tracking import heads

VOLATILE = ("seq", "time", "received", "upstream_ms")


@contextlib.contextmanager
def uvicorn(kind: str, folder: Path) -> Iterator[int]:
    """The application under plain uvicorn, in a process of its own; its port."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    environ = {**os.environ, "PYTHONPATH": f"{wire.ROOT}{os.pathsep}{HERE}"}
    log = folder / "uvicorn.log"
    with log.open("w") as stderr:
        command = [sys.executable, str(HERE / "whole_fastapi.py"), str(port), kind, str(folder)]
        process = subprocess.Popen(command, env=environ, stderr=stderr, text=True)
    try:
        assert wire.eventually(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        ended(process)
    # uvicorn ends itself once more by the signal that it was ended by.
    assert process.returncode in (0, -15), log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def walk(port: int) -> list[tuple[int, bytes]]:
    """Everything a site lives through, by three visitors; the answers without their tags."""
    seen: list[tuple[int, bytes]] = []
    visitor = Visitor(port)

    def see(answer: wire.Answer) -> wire.Answer:
        seen.append((answer.status, untagged(answer.body)[0]))
        return answer

    see(visitor.navigate(b"/"))
    product = see(visitor.navigate(b"/products/ladder?utm_source=letter&x=1"))
    see(visitor.load(b"/style.css"))
    page_id = untagged(product.body)[1] or b""
    see(visitor.ask(b"POST", b"/_footfall/events", beacon_fields(), confirmation(page_id)))
    see(visitor.navigate(b"/products/ladder", (b"If-None-Match", product.all(b"etag")[0])))
    see(visitor.navigate(b"/products/ladder", (b"If-None-Match", b'"v1"')))
    see(visitor.navigate(b"/old"))
    see(visitor.navigate(b"/products/new", (b"Referer", b"http://search.example/?q=private")))
    see(visitor.ask(b"POST", b"/order", NAVIGATION, b"two ladders"))
    see(visitor.navigate(b"/none"))
    see(visitor.ask(b"HEAD", b"/products/new", NAVIGATION))
    see(visitor.navigate(b"/products/soon", (b"Sec-Purpose", b"prefetch")))
    see(visitor.load(b"/products/fragment"))
    see(visitor.navigate(b"/cookies"))
    see(Visitor(port).navigate(b"/products/private", (b"Sec-GPC", b"1")))
    see(Visitor(port).ask(b"GET", b"/", [(b"User-Agent", b"Googlebot/2.1"), (b"Accept", b"text/html")]))
    see(Visitor(port).ask(b"GET", b"/", [FIREFOX, (b"Accept", b"*/*")]))
    see(Visitor(port).navigate(b"/stream"))
    see(visitor.navigate(b"/_footfall/none"))
    see(visitor.ask(b"POST", b"/missing", SUBRESOURCE, b"{}"))
    return seen


def beacon_fields() -> list[tuple[bytes, bytes]]:
    return [FIREFOX, (b"Content-Type", b"text/plain;charset=UTF-8"), (b"Sec-Fetch-Site", b"same-origin")]


def confirmation(page_id: bytes) -> bytes:
    showing = {"id": str(uuid4()), "title": "Ladder", "referrer": "", "nav": "navigate"}
    showing["uri"] = "http://shop.example/products/ladder?utm_source=letter&x=1#reviews"
    return json.dumps({"v": 1, "page": page_id.decode(), "confirm": showing, "events": []}).encode()


def comparable(store: Path) -> list[dict[str, Any]]:
    """The events with their ids numbered in the order in which they appear, and without times."""
    numbers: dict[str, int] = {}
    rows = []
    for event in stored(store):
        row = {key: value for key, value in event.items() if key not in VOLATILE}
        row["params"] = {k: v for k, v in event.get("params", {}).items() if k not in VOLATILE}  # type: ignore[attr-defined]
        for key in ("id", "uuid", "session", "page"):
            if key in row:
                row[key] = numbers.setdefault(str(row[key]), len(numbers))
        row["params"].pop("duration_ms", None)
        rows.append(row)
    return rows


def test_the_same_walk_gives_the_same_events_in_process_as_through_the_proxy(tmp_path: Path) -> None:
    plain, tracked = tmp_path / "plain", tmp_path / "tracked"
    with uvicorn("plain", plain) as upstream, serving(plain, upstream) as served:
        proxied = walk(served.port)
    with uvicorn("tracked", tracked) as port:
        in_process = walk(port)
    assert in_process == proxied
    assert [status for status, _ in in_process].count(200) >= 12
    assert b"Hello from the lifespan" in in_process[0][1] and (200, b"") in in_process[13:14]
    events = comparable(tracked / "footfall.db")
    assert events == comparable(plain / "footfall.db")
    actions = [event["action"] for event in events]
    assert actions.count("session.start") == 2 and actions.count("page.visit") == 8
    counted = outcomes(tracked / "footfall.db")
    assert counted == outcomes(plain / "footfall.db")
    assert sum(counted.values()) == len(in_process) - 2  # without the two own endpoints


def test_both_lifespans_run_and_the_end_writes_what_is_waiting(tmp_path: Path) -> None:
    with uvicorn("tracked", tmp_path) as port:
        assert (tmp_path / "started").exists() and not (tmp_path / "stopped").exists()
        page = Visitor(port).navigate(b"/")
        assert b"Hello from the lifespan" in page.body  # the state that the application's lifespan gave
    assert (tmp_path / "stopped").exists()
    (visit,) = stored(tmp_path / "footfall.db", "page.visit")
    assert visit["id"] == event_of(untagged(page.body)[1] or b"", tmp_path)
    assert outcomes(tmp_path / "footfall.db") == {"visit": 1}


def test_an_application_without_lifespan_works(tmp_path: Path) -> None:
    with uvicorn("bare", tmp_path) as port:
        visitor = Visitor(port)
        for _ in range(3):
            assert untagged(visitor.navigate(b"/").body)[1] is not None
    assert len(stored(tmp_path / "footfall.db", "page.visit")) == 3
    assert len(stored(tmp_path / "footfall.db", "session.start")) == 1


def test_a_server_without_lifespan_starts_recording_with_the_first_request(tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<!doctype html><title>a</title>"})

    async def ask(footfall: Footfall) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        # Servers differ: neither raw_path nor extensions, state or client are obligatory.
        headers = [(b"host", b"shop.example"), *((name.lower(), value) for name, value in NAVIGATION)]
        scope = {"type": "http", "method": "GET", "path": "/\u00e9", "headers": headers, "query_string": b""}
        await footfall(scope, receive, send)
        await footfall.stop()
        return sent

    sent = asyncio.run(ask(Footfall(app, Config(base=tmp_path))))
    body = b"".join(message.get("body", b"") for message in sent)
    assert untagged(body)[1] is not None
    (visit,) = stored(tmp_path / "footfall.db", "page.visit")
    assert visit["params"]["uri"] == "http://shop.example/%C3%A9"  # type: ignore[index]


def shown(folder: Path, page: bytes, *, asked: int = 1) -> list[list[Any]]:
    """What is sent of a page that an application has at once, each time that it is asked for."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(page))]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": page})

    async def ask() -> list[list[Any]]:
        footfall, told = Footfall(app, Config(base=folder)), []
        for _ in range(asked):
            sent: list[Any] = []

            async def keep(message: Any, sent: list[Any] = sent) -> None:
                sent.append(message)

            async def nothing() -> dict[str, Any]:
                return {"type": "http.request", "body": b"", "more_body": False}

            headers = [(b"host", b"shop.example"), *((name.lower(), value) for name, value in NAVIGATION)]
            await footfall({"type": "http", "method": "GET", "path": "/", "headers": headers}, nothing, keep)
            told.append(sent)
        await footfall.stop()
        return told

    return asyncio.run(ask())


def body_of(pieces: list[Any]) -> bytes:
    assert all(type(piece.get("body", b"")) is bytes for piece in pieces)
    return b"".join(piece.get("body", b"") for piece in pieces)


@pytest.mark.parametrize("place", [0, 15_000, 17_000, 150_000])
def test_the_length_of_a_page_that_is_there_at_once_is_known_wherever_its_tag_goes(tmp_path: Path, place: int) -> None:
    comments = b"<!--%b-->" % (b"c" * 93) * (place // 100)
    page = b"<!doctype html><html><head>%b<link rel=a><body>%b" % (comments, b"<p>text" * 30_000)
    ((start, *pieces),) = shown(tmp_path, page)
    body = body_of(pieces)
    assert untagged(body)[0] == page and untagged(body)[1] is not None
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(body)


@pytest.mark.parametrize(("size", "leaves_whole"), [(5_000, True), (200_000, True), (300_000, False)])
def test_a_page_that_is_there_at_once_and_not_too_large_leaves_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, leaves_whole: bool
) -> None:
    monkeypatch.setattr(heads, "TICK_SECONDS", 5.0)  # however busy the machine is
    page = (b"<!doctype html><html><head><link rel=a><body>" + b"<p>text" * 50_000)[:size]
    for _, *pieces in shown(tmp_path, page, asked=3)[1:]:  # the first one waits for the store to be opened
        assert len(pieces) == (1 if leaves_whole else 2)
        assert untagged(body_of(pieces))[0] == page


def test_a_streamed_page_arrives_piece_by_piece_with_its_tag(tmp_path: Path) -> None:
    with uvicorn("tracked", tmp_path) as port:
        for target, first in ((b"/stream", b"<p>0</p>"), (b"/news", b"data: 0\n\n")):
            wired = wire.Wire(socket.create_connection(("127.0.0.1", port)))
            fields = b"".join(b"%b: %b\r\n" % pair for pair in NAVIGATION)
            wired.send(b"GET %b HTTP/1.1\r\nHost: shop.example\r\n%b\r\n" % (target, fields))
            wired.until(first)
            arrived = time.monotonic()
            rest, whole = wired.chunks() if wired.until(b"\r\n") else (b"", False)
            assert whole and b"2" in rest
            assert time.monotonic() - arrived > 0.3  # three pieces, 0.2 s between two
            wired.close()
        assert untagged(Visitor(port).navigate(b"/stream").body)[1] is not None


def test_a_websocket_of_the_application_passes(tmp_path: Path) -> None:
    with uvicorn("tracked", tmp_path) as port:
        wired = wire.Wire(socket.create_connection(("127.0.0.1", port)))
        wired.send(
            b"GET /echo HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        line, fields = wired.head()
        assert line.startswith(b"HTTP/1.1 101")
        assert (b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in fields
        for text in (b"hello", b"again"):
            wired.send(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)
            assert wired.exactly(2 + len(text))[2:] == text.upper()
        wired.send(b"\x81\x83\0\0\0\0bye")
        assert wired.exactly(4) == b"\x88\x02\x03\xe8"
        assert wired.is_closed()
        assert Visitor(port).navigate(b"/").status == 200
    assert len(stored(tmp_path / "footfall.db", "page.visit")) == 1


def test_an_error_of_the_application_is_its_own(tmp_path: Path) -> None:
    """It reaches the server as it is, is counted, and does not stop the next request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/broken":
            raise LookupError("mine")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<!doctype html><title>a</title>"})

    async def ask() -> None:
        footfall = Footfall(app, Config(base=tmp_path))

        async def nothing(*_: Any) -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        headers = [(name.lower(), value) for name, value in NAVIGATION]
        for path in ("/broken", "/whole"):
            scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "query_string": b""}
            with contextlib.suppress(LookupError) if path == "/whole" else pytest.raises(LookupError, match="mine"):
                await footfall(scope, nothing, nothing)
        await footfall.stop()

    asyncio.run(ask())
    assert len(stored(tmp_path / "footfall.db", "page.visit")) == 1
    assert outcomes(tmp_path / "footfall.db") == {"aborted": 1, "visit": 1}


def test_a_bad_configuration_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[store]\nhold = 5\n")
    with pytest.raises(ConfigError, match="hold_ms"):
        Footfall(lambda *_: None, config=file)  # type: ignore[arg-type, return-value]
