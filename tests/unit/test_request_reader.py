"""Requests read at every split point: what a visitor's packets look like must not change what is understood.

The table of malformed requests is the one that is sent over real sockets (tests/shell/test_malformed_requests.py).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.http.limits import DEFAULTS
from proxy.http.reader import RequestReader

DATA = Path(__file__).parents[1] / "data" / "malformed_requests.json"
SPLIT_BYTES = 400  # longer ones are about limits
FOLLOWER = b"GET /follower HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"


class Request:
    """As much of a cycle as the reader asks for."""

    def __init__(self, head: tuple[Any, ...], *, keep_alive: bool) -> None:
        self.head = head
        self.scope = {"headers": head[3]}
        self.keep_alive = keep_alive
        self.complete = False
        self.body = b""
        self.is_whole = False

    def put(self, body: bytes) -> bool:
        self.body += body
        return False

    def put_end(self) -> None:
        self.is_whole = True


class Connection:
    """What a reader tells its owner; refuses as the server does."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.refusals: list[int] = []
        self.reader = RequestReader(self)  # type: ignore[arg-type]

    def accept(self, method, version, target, headers, *, keep_alive, expects_continue):
        request = Request((method, version, target, list(headers), expects_continue), keep_alive=keep_alive)
        self.requests.append(request)
        return request

    def refuse(self, status: int, reason: str) -> None:
        self.reader.deaf = True
        self.refusals.append(status)

    def discard(self, count: int) -> None:
        pass

    def beyond(self, data: bytes) -> None:
        pass

    def hold(self) -> None:
        pass

    def told(self) -> list[Any]:
        return [(one.head, one.is_whole, one.body if one.is_whole else None) for one in self.requests]


def read(*pieces: bytes) -> Connection:
    connection = Connection()
    for piece in pieces:
        if not connection.reader.deaf:
            connection.reader.feed(piece)
    return connection


def short_cases() -> list[Any]:
    rows = json.loads(DATA.read_text())
    texts = [(row["id"], row["send"]) for row in rows if isinstance(row["send"], str)]
    return [pytest.param(text.encode("latin-1"), id=name) for name, text in texts if len(text) <= SPLIT_BYTES]


@pytest.mark.parametrize("data", short_cases())
def test_f1_a_split_changes_nothing(data: bytes) -> None:
    data += FOLLOWER
    whole = read(data)
    assert len(whole.refusals) <= 1
    for at in range(1, len(data)):
        split = read(data[:at], data[at:])
        assert split.told() == whole.told(), at
        assert bool(split.refusals) == bool(whole.refusals), at
        assert len(split.refusals) <= 1, at


UPGRADE = b"GET /u HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@pytest.mark.parametrize("data", short_cases())
def test_f5_behind_an_upgrade_nobody_takes_the_same_is_understood(data: bytes) -> None:
    alone, behind = read(data + FOLLOWER), read(UPGRADE + data + FOLLOWER)
    assert behind.told()[1:] == alone.told()
    assert bool(behind.refusals) == bool(alone.refusals)


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("before", "endless"),
    [
        (b"GET /", b"a" * 1000),
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 1000),
        (b"GET / HTTP/1.1\r\nX:", b" " * 1000),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 100),
        (HEAD + b"5;", b"a" * 1000),
        (HEAD, b"0" * 1000),
        (HEAD + b"5\r\nhello\r\n0\r\n", b"X: y\r\n" * 100),
        (HEAD + b"5\r\nhello\r\n0\r\nX: ", b"a" * 1000),
    ],
)
def test_f4_what_never_ends_is_refused_and_never_twice(before: bytes, endless: bytes) -> None:
    count = (DEFAULTS.header_bytes + DEFAULTS.target_bytes) // len(endless) + 2
    refusals = read(before, *[endless] * count).refusals
    assert len(refusals) == 1 and refusals[0] in (414, 431)
    whole = read(before + endless * count, endless)
    assert len(whole.refusals) <= 1


LENGTH = DEFAULTS.header_bytes - 2_000
SIZES = [(LENGTH, []), (LENGTH + 4_000, [431])]


@pytest.mark.parametrize(("size", "refusals"), SIZES)
@pytest.mark.parametrize("before", [FOLLOWER.replace(b"close", b"x"), HEAD + b"5\r\nhello\r\n0\r\n\r\n", UPGRADE])
@pytest.mark.parametrize("count", [1, 300])
def test_f4_a_head_is_measured_alone_wherever_its_read_begins(
    size: int, refusals: list[int], before: bytes, count: int
) -> None:
    data = before * count + b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * size + b"\r\n\r\n"
    for at in (0, 10, len(before) * count + 10, len(data) - 10):
        connection = read(data[:at], data[at:])
        assert connection.refusals == refusals, at
        assert len(connection.requests) == count + (not refusals), at


def test_f4_a_long_body_has_no_limit_here() -> None:
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    chunked = read(HEAD, *[chunk] * 200, b"0\r\n\r\n", FOLLOWER)
    assert [one.is_whole for one in chunked.requests] == [True, True] and len(chunked.requests[0].body) == 200_000
    known = read(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", *[b"x" * 1000] * 200, FOLLOWER)
    assert [one.is_whole for one in known.requests] == [True, True]
