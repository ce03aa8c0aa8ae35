"""Who is measured, as a table: how each is started, and what it does with a page.

Law: a peer is configured as its owner would for a busy site, and by the files of benchmarks/peers, which anybody can
read. Who is not installed says so in one line; nothing is installed here (scripts/setup-peers).
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import servers
from benchmarks.command import SERVER_DIRECTORIES, Programs
from benchmarks.process import PORT_TRIES, START_SECONDS, StartError, answers, ended, free_port, last_line, starts
from benchmarks.servers import ROOT, SMALL, Server

FILES = ROOT / "benchmarks" / "peers"
INSTALLED = ROOT / ".peers"
TAG = f'<script async src="/_footfall/t.js?v=53055b1d" data-page="{"x" * 43}"></script>'
SET_COOKIE = f"footfall={'x' * 27}.{'x' * 43}; Path=/; Max-Age=34128000; HttpOnly; SameSite=Lax"
"""As long as footfall's."""

Start = Callable[[Programs, Path, Server], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One of the field.

    Args:
        key: its name for `--only`.
        title: its name in the tables.
        start: starts it before a site; its files are below the path, which is new.
        needs: programs, by name, and files, by path.
        tags: puts a script into pages; or passes everything on.
        takes_sockets: passes WebSockets on.
        share: it gets this part of the requests, being as many times slower.
    """

    key: str
    title: str
    start: Start
    needs: tuple[str | Path, ...] = ()
    tags: bool = False
    takes_sockets: bool = True
    share: int = 1


def missing(peer: Peer) -> str | None:
    """What it needs and is not there."""
    for need in peer.needs:
        if not (need.exists() if isinstance(need, Path) else _program(need)):
            return need.name if isinstance(need, Path) else need
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SERVER_DIRECTORIES}")


def command(name: str, words: Sequence[str | Path], **environ: str) -> Start:
    """A start by this command, in whose words `{port}`, `{origin}` and `{tag}` stand for themselves; programs are
    looked for. It sees PORT, ORIGIN and TAG in its environment, besides `environ`."""

    @contextlib.contextmanager
    def start(programs: Programs, where: Path, upstream: Server) -> Iterator[Server]:
        where.mkdir(parents=True)
        log = where / "log"
        for _ in range(PORT_TRIES):
            port = free_port()
            told = {"port": str(port), "origin": str(upstream.port), "tag": TAG}
            first, *others = (word if isinstance(word, Path) else word.format(**told) for word in words)
            with log.open("w") as said:
                process = subprocess.Popen(
                    [_program(str(first)) or first, *others],
                    cwd=where,
                    env={
                        **os.environ,
                        "HOME": str(where),  # what it keeps is gone with the rest
                        **{name.upper(): value for name, value in told.items()},
                        **environ,
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            with ended(process):
                if starts(process, lambda: answers(port, SMALL), START_SECONDS):  # noqa: B023
                    yield Server(name, process.pid, port)
                    return
        raise StartError(f"{name} did not start: {last_line(log)}")

    return start


def _plain(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.plain(programs.nginx, where, upstream)


def _filter(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.peer(programs.nginx, where, upstream, tag=TAG, set_cookie=SET_COOKIE)


def _gzip(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.peer(programs.nginx, where, upstream, tag=TAG, set_cookie=SET_COOKIE, gzip=True)


def _off(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.part(where, "bare", upstream, FILES)


def _one(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.footfall(where, upstream)


def _two(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.footfall(where, upstream, workers=2)


def _open(programs: Programs, where: Path, upstream: Server) -> AbstractContextManager[Server]:
    return servers.footfall(where, upstream, settings=servers.UNLIMITED)


MODULES = INSTALLED / "node" / "node_modules"
MITMDUMP = INSTALLED / "mitmproxy" / "bin" / "mitmdump"
STARLETTE = INSTALLED / "starlette" / "bin" / "python"
MITMPROXY = (
    *(MITMDUMP, "--quiet", "--mode", "reverse:http://127.0.0.1:{origin}"),
    *("--listen-host", "127.0.0.1", "--listen-port", "{port}"),
    *("--set", "keep_host_header=true", "--modify-body", "|~t text/html|<head>|<head>{tag}"),
)
UVICORN = (
    *(STARLETTE, "-m", "uvicorn", "starlette_proxy:app", "--app-dir", FILES),
    *("--host", "127.0.0.1", "--port", "{port}", "--no-access-log", "--no-server-header", "--log-level", "warning"),
)
FILTER, GZIP, OFF, ONE, TWO = "nginx-filter", "nginx-gzip", "footfall-off", "footfall", "footfall-2"
PEERS = (
    Peer("nginx", "nginx, plain", _plain),
    Peer(FILTER, "nginx, sub_filter", _filter, tags=True),
    Peer(GZIP, "nginx, sub_filter and gzip", _gzip, tags=True),
    Peer("haproxy", "haproxy", command("haproxy", ("haproxy", "-db", "-f", FILES / "haproxy.cfg")), ("haproxy",)),
    Peer(
        "caddy",
        "Caddy",
        command("Caddy", ("caddy", "run", "--adapter", "caddyfile", "--config", FILES / "Caddyfile")),
        ("caddy",),
        share=2,
    ),
    Peer(
        "http-proxy",
        "Node http-proxy",
        command("Node http-proxy", ("node", FILES / "http-proxy.js"), NODE_PATH=str(MODULES)),
        ("node", MODULES / "http-proxy"),
        share=2,
    ),
    Peer(
        "undici",
        "Node undici, by hand",
        command("Node undici", ("node", FILES / "undici.js"), NODE_PATH=str(MODULES)),
        ("node", MODULES / "undici"),
        tags=True,
        share=2,
    ),
    Peer("mitmproxy", "mitmproxy", command("mitmproxy", MITMPROXY), (MITMDUMP,), tags=True, share=32),
    Peer(
        "starlette",
        "Starlette + httpx",
        command("Starlette + httpx", UVICORN),
        (STARLETTE,),
        takes_sockets=False,
        share=32,
    ),
    Peer(OFF, "footfall, tracking off", _off, share=2),
    Peer(ONE, "footfall", _one, tags=True, share=2),
    Peer(TWO, "footfall, 2 workers", _two, tags=True, share=2),
)
OPEN = Peer("open", "footfall without limits", _open, tags=True)
"""In the place of footfall for beacons, which all come from one address here."""


def chosen(words: Sequence[str]) -> list[Peer]:
    """Those that these words name, whole or by what comes before a hyphen; and those of nginx that the others are
    compared with. All where there are none."""
    return [p for p in PEERS if not words or p.key in (FILTER, GZIP) or any(_is_named(p, word) for word in words)]


def _is_named(peer: Peer, word: str) -> bool:
    return peer.key == word or peer.key.partition("-")[0] == word
