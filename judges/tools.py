"""What the judges share: programs and packages that are not ours, found or said to be missing; a plain HTTP client."""

import importlib
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from judges import TOOLS, Unavailable

DIRECTORIES = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin"
"""Debian's nginx and varnishd are in one that is not in everybody's PATH."""
ANSWER_SECONDS = 30.0
NODE_SECONDS = 120.0
Fields = list[tuple[bytes, bytes]]


def program(name: str, package: str) -> str:
    """Its path. Unavailable: it is not installed."""
    found = shutil.which(name) or shutil.which(name, path=DIRECTORIES)
    if found is None:
        raise Unavailable(f"{name} is missing (scripts/setup-judge, or apt install {package})")
    return found


def package(name: str) -> Any:
    """A Python package, from the environment or from what scripts/setup-judge has installed."""
    if str(TOOLS) not in sys.path:
        sys.path.append(str(TOOLS))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        raise Unavailable(f"the package {missing.name} is missing (scripts/setup-judge)") from None


def node(script: str, package: str, told: str) -> str:
    """What a script prints (a module) that imports an npm package; `told` is its standard input."""
    if not (TOOLS / "node_modules" / package).is_dir():
        raise Unavailable(f"the npm package {package} is missing (scripts/setup-judge)")
    done = subprocess.run(
        [program("node", "nodejs"), "--input-type=module", "-e", script],
        input=told,
        cwd=TOOLS,
        capture_output=True,
        text=True,
        timeout=NODE_SECONDS,
    )
    if done.returncode:
        raise OSError(f"node: {done.stderr.strip()[-300:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    fields: Fields
    body: bytes


def ask(port: int, method: str, target: str, fields: Fields, body: bytes = b"") -> Answer:
    """One request on a connection of its own, which the answer ends, de-chunked. OSError: no whole answer."""
    lines = [b"%b: %b\r\n" % field for field in [(b"Host", b"shop.example"), (b"Connection", b"close"), *fields]]
    if body:
        lines.append(b"Content-Length: %d\r\n" % len(body))
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\n".encode() + b"".join(lines) + b"\r\n" + body)
        data = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *more = head.split(b"\r\n")
    found = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in more)]
    if (b"transfer-encoding", b"chunked") in [(name.lower(), value.lower()) for name, value in found]:
        rest = unchunked(rest)
    try:
        return Answer(int(first.split(b" ")[1]), found, rest)
    except (IndexError, ValueError):
        raise OSError(f"{method} {target}: no answer: {data[:80]!r}") from None


def unchunked(data: bytes) -> bytes:
    """OSError: the last chunk is missing."""
    body: list[bytes] = []
    while True:
        size, end, data = data.partition(b"\r\n")
        if not end:
            raise OSError("a chunked body that does not end")
        count = int(size.partition(b";")[0], 16)
        if not count:
            return b"".join(body)
        body.append(data[:count])
        data = data[count + 2 :]
