"""Large uploads that are resumed, and downloads in ranges: copyparty, a file server with a protocol of its own for it.

A file is sent in pieces, each with its hash; after a cut the server says which of them it has not. What a visitor cuts
off must be cut off on the other side as well, or a piece would count as sent that was not.
"""

import base64
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from applications import APPS, copyparty, needs_copyparty, on_disk
from test_documentation_site import EVERY_ANSWER, TAGGED_ANSWER, Seen, fields_that_differ
from whole import SUBRESOURCE, Fields, Serving, Visitor, outcomes, serving, stored, untagged
from wire import PATIENCE_SECONDS, Answer, Wire, eventually

pytestmark = needs_copyparty
MEGABYTE = 1024 * 1024
PIECE = MEGABYTE
"""What the protocol makes of a file of up to 256 MiB."""
FILE = os.urandom(40 * MEGABYTE + 12_345)
SMALLER = FILE[: 12 * MEGABYTE + 345]
SENT = 15
"""How many pieces are sent whole; the next is cut off in the middle."""
MODIFIED = 1_700_000_000
RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: what is closed is reset."""


def pieces(data: bytes) -> list[tuple[str, bytes]]:
    """Pieces of a file by their hash, as the protocol wants it."""
    found = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
    return [(base64.urlsafe_b64encode(hashlib.sha512(piece).digest()[:33]).decode(), piece) for piece in found]


@dataclass
class Share:
    """The file server, with and without footfall before it."""

    files: Path
    direct: Visitor
    through: Visitor
    served: Serving


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Share]:
    own = tmp_path_factory.mktemp("footfall")
    with on_disk() as where, copyparty(where) as port, serving(own, port) as served:
        sides = [Visitor(number, host=b"files.example") for number in (port, served.port)]
        yield Share(where / "files", *sides, served)
        for side in sides:
            side.close()


def offer(side: Visitor, name: str, parts: list[tuple[str, bytes]]) -> dict[str, object]:
    """Tell the server of a file; what it answers says which pieces it wants."""
    told = {"name": name, "size": sum(len(piece) for _, piece in parts), "lmod": MODIFIED, "life": 0}
    asked = json.dumps({**told, "hash": [hashed for hashed, _ in parts]}).encode()
    answer = side.ask(b"POST", b"/", [*SUBRESOURCE, (b"Content-Type", b"text/plain;charset=UTF-8")], asked)
    assert answer.status == 200, answer.body
    said: dict[str, object] = json.loads(answer.body)
    return said


def of_piece(said: dict[str, object], hashed: str) -> Fields:
    more = {"X-Up2k-Hash": hashed, "X-Up2k-Wark": str(said["wark"]), "Content-Type": "application/octet-stream"}
    return [*SUBRESOURCE, *((name.encode(), value.encode()) for name, value in more.items())]


def send(side: Visitor, said: dict[str, object], part: tuple[str, bytes]) -> Answer:
    return side.ask(b"POST", str(said["purl"]).encode(), of_piece(said, part[0]), part[1])


def cut_off(share: Share, said: dict[str, object], hashed: str, piece: bytes) -> None:
    """Send half a piece, and break the connection."""
    wire = Wire(socket.create_connection(("127.0.0.1", share.served.port), 10))
    fields = b"".join(b"%b: %b\r\n" % pair for pair in of_piece(said, hashed))
    head = b"POST %b HTTP/1.1\r\nHost: files.example\r\nContent-Length: %d\r\n%b\r\n"
    wire.send(head % (str(said["purl"]).encode(), len(piece), fields) + piece[: len(piece) // 2])
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    wire.close()


def test_t4_an_upload_that_is_cut_off_is_resumed_where_it_was(share: Share, tmp_path: Path) -> None:
    parts = pieces(FILE)
    said = offer(share.through, "large.bin", parts)
    assert said["hash"] == [hashed for hashed, _ in parts]
    for part in parts[:SENT]:
        answer = send(share.through, said, part)
        assert answer.status == 200, answer.body
    cut_off(share, said, *parts[SENT])
    assert offer(share.direct, "large.bin", parts)["hash"] == [hashed for hashed, _ in parts[SENT:]]
    # The rest is for the application's own client, which knows nothing of what was sent before.
    own = tmp_path / "large.bin"
    own.write_bytes(FILE)
    os.utime(own, (MODIFIED, MODIFIED))
    command = [str(APPS / "u2c"), "-j", "2", f"http://127.0.0.1:{share.served.port}/", str(own)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS * 6)
    assert done.returncode == 0 and done.stdout.startswith("uploaded "), done
    assert not [path for path in share.files.iterdir() if "PARTIAL" in path.name]
    assert digest((share.files / "large.bin").read_bytes()) == digest(FILE)
    for side in (share.direct, share.through):
        assert offer(side, "large.bin", parts)["hash"] == []


def settled(answer: Answer) -> Answer:
    """The answer without its policy's nonce, which is new each time."""
    found = re.search(rb"'nonce-([^']+)'", answer.get(b"content-security-policy") or b"")
    if found is None:
        return answer
    fields = [(name, value.replace(found[1], b"*")) for name, value in answer.fields]
    return Answer(answer.status, fields, answer.body.replace(found[1], b"*"), answer.whole)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_download_that_is_cut_off_is_resumed_and_its_parts_are_those_of_the_file(share: Share) -> None:
    (share.files / "down.bin").write_bytes(SMALLER)
    wire = Wire(socket.create_connection(("127.0.0.1", share.served.port), 10))
    wire.send(b"GET /down.bin HTTP/1.1\r\nHost: files.example\r\nSec-Fetch-Mode: no-cors\r\n\r\n")
    line, fields = wire.head()
    assert line == b"HTTP/1.1 200 OK" and (b"content-length", b"%d" % len(SMALLER)) in fields
    begun = wire.exactly(5 * MEGABYTE)
    wire.close()
    since = dict(fields)[b"last-modified"]
    rest = (b"Range", b"bytes=%d-" % len(begun)), (b"If-Range", since)
    for more, status, expected in [
        (rest, 206, SMALLER[len(begun) :]),
        (((b"Range", b"bytes=5-1004"),), 206, SMALLER[5:1005]),
        (((b"Range", b"bytes=-100"),), 206, SMALLER[-100:]),
        (((b"Range", b"bytes=%d-" % len(SMALLER)),), 416, None),
        (((b"If-Modified-Since", since),), 304, b""),
        ((), 200, SMALLER),
    ]:
        answers = [side.ask(b"GET", b"/down.bin", [*SUBRESOURCE, *more]) for side in (share.direct, share.through)]
        assert [answer.status for answer in answers] == [status, status], more
        assert answers[0].body == answers[1].body and answers[1].body == (expected or answers[0].body), more
        assert fields_that_differ(EVERY_ANSWER, Seen(*map(settled, answers))) == [], more
    assert digest(begun + share.through.ask(b"GET", b"/down.bin", [*SUBRESOURCE, *rest]).body) == digest(SMALLER)


def test_its_page_differs_by_the_tag_and_is_counted(share: Share) -> None:
    (share.files / "some.txt").write_text("hello")
    for _ in range(2):  # the first brings the cookie, and the server notices the file
        answers = [side.navigate(b"/") for side in (share.direct, share.through)]
    page, page_id = untagged(answers[1].body)
    assert page_id is not None and b"some.txt" in page
    tag = b"x" * (len(answers[1].body) - len(page))
    direct, through = settled(answers[0]), settled(replace(answers[1], body=page))
    assert through.body == direct.body
    assert fields_that_differ(TAGGED_ANSWER, Seen(direct, through, tag)) == []
    assert eventually(lambda: outcomes(share.served.store).get("visit") == 2)
    [uri] = {visit["params"]["uri"] for visit in stored(share.served.store, "page.visit")}  # type: ignore[index]
    assert uri == "http://files.example/"
