"""Requests that no honest visitor sends, and what the site behind us has received of each (F1, F4-F6, F8, T7-T9).

tests/data/malformed_requests.json has one case a line: `send` goes out in one write on a connection of its own, with
an ordinary request (`FOLLOWER`) behind it; `answers` are the statuses that come back before the connection is closed;
`upstream` is every byte that the site has received. `kept`: the connection goes on, and the follower is answered as
well; `alone`: there is no follower; `cut`: the request broke in the middle of its body, and upstream has a head without
an end, or nothing. Texts are bytes, one for each character (latin-1); a list joins texts and [text, times].
"""

import json
import re
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from whole import Serving, serving
from wire import Wire

DATA = Path(__file__).parents[1] / "data" / "malformed_requests.json"
FOLLOWER = b"GET /follower HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
SENTINEL = FOLLOWER.replace(b"/follower", b"/sentinel")
FORWARDED = (
    b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: shop.example\r\nvia: 1.1 us\r\n"
)
FOLLOWED = b"GET /follower HTTP/1.1\r\nhost: shop.example\r\n" + FORWARDED + b"\r\n"
SENT = FOLLOWED.replace(b"/follower", b"/sentinel")
UPGRADE = b"GET /u HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
UPGRADED = FOLLOWED.replace(b"/follower", b"/u")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


def as_bytes(text: Any) -> bytes:
    """A text of the table."""
    if isinstance(text, str):
        return text.encode("latin-1")
    return b"".join(as_bytes(part) if isinstance(part, str) else as_bytes(part[0]) * part[1] for part in text)


@dataclass(frozen=True)
class Case:
    id: str
    why: str
    send: bytes
    answers: list[int]
    upstream: bytes
    kept: bool
    alone: bool
    cut: bool

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Case":
        send, upstream = as_bytes(raw["send"]), as_bytes(raw.get("upstream", ""))
        flags = [raw.get(name, False) for name in ("kept", "alone", "cut")]
        return cls(raw["id"], raw["why"], send, raw["answers"], upstream, *flags)


def cases() -> list[Case]:
    return [Case.of(raw) for raw in json.loads(DATA.read_text())]


@dataclass
class Recorder:
    """A site that keeps every byte, of all connections in the order of their arrival, and answers what looks whole.

    One thread reads whatever has come before it answers anything, so that once a later request is answered all
    earlier bytes are in `seen`.
    """

    seen: list[bytes] = field(default_factory=list)
    buffers: dict[socket.socket, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.listener.getsockname()[1]
        self.waking, self.woken = socket.socketpair()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self.woken, self.listener, *self.buffers], [], [])
            if self.woken in ready:
                return
            for sock in ready:
                if sock is self.listener:
                    self.buffers[sock.accept()[0]] = b""
                else:
                    self._read(sock)
            for sock, buffer in list(self.buffers.items()):
                left = after_request(buffer)
                while left is not None:
                    self.buffers[sock] = left
                    sock.sendall(ANSWER)
                    left = after_request(left)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(1 << 20)
        except OSError:
            data = b""
        if data:
            self.seen.append(data)
            self.buffers[sock] += data
        else:
            del self.buffers[sock]
            sock.close()

    def take(self) -> bytes:
        """All bytes since the last call, with a name in Via that does not change."""
        seen, self.seen = b"".join(self.seen), []
        return re.sub(rb"footfall-[0-9a-f]{8}", b"us", seen)

    def close(self) -> None:
        self.waking.close()


def after_request(data: bytes) -> bytes | None:
    """What stands behind the first request in `data`; None where it is not whole. Takes what we are to write only:
    lower case names, one space behind the colon, framing by one field."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    if b"\r\ntransfer-encoding: chunked" in head:
        match = re.match(rb"(?s)(?:.*?\r\n)?0\r\n\r\n", rest)
        return rest[match.end() :] if match else None
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    count = int(length[1]) if length else 0
    return rest[count:] if len(rest) >= count else None


@dataclass
class Stage:
    site: Recorder
    proxy: Serving

    def play(self, case: Case) -> tuple[list[int], bytes]:
        """(the statuses of all answers until the end of the connection, what upstream received)."""
        sent = case.send if case.alone else case.send + FOLLOWER
        statuses = self.ask(sent, "HEAD" if case.send.startswith(b"HEAD") else "GET")
        # On its own way to upstream, behind whatever is still on its way there.
        assert self.ask(SENTINEL, "GET") == [200]
        return statuses, self.site.take().replace(SENT, b"")

    def ask(self, data: bytes, method: str) -> list[int]:
        wire = Wire(socket.create_connection(("127.0.0.1", self.proxy.port)))
        statuses = []
        try:
            wire.send(data)
            while wire.buffer or wire.fill():
                answer = wire.answer(method)
                statuses.append(answer.status)
                method = "GET"
            assert not wire.reset
        finally:
            wire.close()
        return statuses


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    site = Recorder()
    try:
        with serving(tmp_path_factory.mktemp("malformed"), site.port) as proxy:
            yield Stage(site, proxy)
    finally:
        site.close()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_upstream_receives_nothing_or_exactly_one_request_of(case: Case, stage: Stage) -> None:
    answers, seen = stage.play(case)
    assert answers == case.answers + [200] * case.kept, case.why
    # Whether a head that breaks in the same read as its body had left already is a matter of microseconds.
    assert seen == case.upstream + FOLLOWED * case.kept or (case.cut and not seen), case.why


@pytest.mark.parametrize("case", [case for case in cases() if case.id.startswith("f4")], ids=lambda case: case.id)
def test_f4_behind_an_upgrade_nobody_takes_the_same_is_refused(case: Case, stage: Stage) -> None:
    answers, seen = stage.play(replace(case, send=UPGRADE + case.send))
    assert answers == [200] + case.answers + [200] * case.kept, case.why
    assert seen == UPGRADED + case.upstream + FOLLOWED * case.kept or (case.cut and seen == UPGRADED), case.why


def test_no_case_of_the_table_is_two_requests_to_upstream() -> None:
    table = cases()
    assert len(table) >= 150
    for case in table:
        assert (after_request(case.upstream) is None) == (case.cut or not case.upstream), case.id
        assert not after_request(case.upstream), case.id
        assert b"/evil HTTP" not in case.upstream.partition(b"\r\n\r\n")[0], case.id
