"""The whole path, as it is run: a site in a process of its own, `footfall serve` in front of it, visitors with cookies.

`sites` and `nginx` are upstreams, `Serving` is the command with its parent and workers, `Visitor` a browser's requests
without a browser. What ends up in the store is read back from its file. All waits have an end.
"""

import contextlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from family import children_of, is_alive
from wire import PATIENCE_SECONDS, ROOT, Answer, Wire, eventually

from proxy.keys import load_keys
from proxy.store.base import Query
from proxy.store.sqlite.reader import SqliteReader
from proxy.visitors.ids import PageIds

HERE = Path(__file__).parent
START_SECONDS = 20.0
PORTS = range(20_000, 30_000)
"""Below the ports that the kernel gives to clients, so that a stopped server's port is still free a moment later."""
TAG = re.compile(
    rb'<script async src="/_footfall/t\.js\?v=[0-9a-f]{8}" data-page="([\w-]{43})"(?: nonce="[\w+/=-]+")?></script>'
)
FIREFOX = (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
NAVIGATION = [
    FIREFOX,
    (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"Accept-Language", b"en-GB,en;q=0.5"),
    (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
    (b"Sec-Fetch-Dest", b"document"),
    (b"Sec-Fetch-Mode", b"navigate"),
    (b"Sec-Fetch-Site", b"none"),
    (b"Sec-Fetch-User", b"?1"),
]
SUBRESOURCE = [
    FIREFOX,
    (b"Accept", b"*/*"),
    (b"Accept-Language", b"en-GB,en;q=0.5"),
    (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
    (b"Sec-Fetch-Dest", b"script"),
    (b"Sec-Fetch-Mode", b"no-cors"),
    (b"Sec-Fetch-Site", b"same-origin"),
]
Fields = list[tuple[bytes, bytes]]


def _ports() -> Iterator[int]:
    """A share for each process that runs tests, and each of its ports once before any comes again."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ours = PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % count :: count]
    first = random.randrange(len(ours))
    return itertools.cycle([*ours[first:], *ours[:first]])


_FREE = _ports()


def free_port() -> int:
    while True:
        port = next(_FREE)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def ended(process: subprocess.Popen[str], seconds: float = PATIENCE_SECONDS) -> int:
    """Ends a process that is still running; its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


# Upstreams -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def sites(application: str = "whole_site:app") -> Iterator[int]:
    """An ASGI application in a process of its own; its port."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    command = [sys.executable, str(HERE / "whole_site.py"), application]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        ended(process)
        if process.stdout is not None:
            process.stdout.close()


NGINX = shutil.which("nginx") or (shutil.which("nginx", path="/usr/sbin:/usr/local/sbin"))

_NGINX_CONF = """
daemon off;
{main}
{user}
worker_processes 1;
pid {where}/nginx.pid;
error_log {where}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {where}/body;
    proxy_temp_path {where}/proxy;
    fastcgi_temp_path {where}/fastcgi;
    uwsgi_temp_path {where}/uwsgi;
    scgi_temp_path {where}/scgi;
    keepalive_requests 1000000;
    {http}
    server {{
        listen 127.0.0.1:{port};
        server_name _;
        absolute_redirect off;
        {server}
    }}
}}
"""


@contextlib.contextmanager
def nginx(where: Path, *, http: str, server: str, main: str = "") -> Iterator[int]:
    """A real nginx with its own configuration, in which @port@ stands for its port; its port."""
    assert NGINX is not None
    where.mkdir(exist_ok=True)
    for _ in range(5):  # another process may take the port first
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        conf = where / "nginx.conf"
        text = _NGINX_CONF.format(where=where, user=user, port=port, http=http, server=server, main=main)
        conf.write_text(text.replace("@port@", str(port)))
        command = [NGINX, "-p", str(where), "-c", str(conf), "-e", str(where / "error.log")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True)
        eventually(lambda: answers(port) or process.poll() is not None)  # noqa: B023
        if process.poll() is None:
            break
    assert process.poll() is None, (where / "error.log").read_text()
    try:
        yield port
    finally:
        ended(process)


# The command ---------------------------------------------------------------------------------------------------------


KINDS = [(1, 1), (1, 0), (2, 0)]
"""Workers and the cores for all of them: one that writes itself, and some that another process writes for."""


@contextlib.contextmanager
def using(cores: int) -> Iterator[None]:
    """What is started meanwhile may use so many cores; 0: as many as we."""
    if not cores:
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(ours)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


@dataclass
class Serving:
    """`footfall serve` in `where` (its store and secrets too), on one port that stays the same over restarts.

    `settings` are configuration keys as the environment has them: `store__hold_ms=10000`. `cores`: how many it may use;
    0: those of the tests.
    """

    where: Path
    upstream: int
    workers: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    cores: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.where / "serve.log"
        self.store = self.where / "footfall.db"

    def start(self) -> None:
        """Returns when a worker answers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        ours = {f"FOOTFALL_{name.upper()}": value for name, value in self.settings.items()}
        words = ["--upstream", f"http://127.0.0.1:{self.upstream}", "--listen", f"127.0.0.1:{self.port}"]
        with self.log.open("a") as log, using(self.cores):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proxy", "serve", *words, "--workers", str(self.workers)],
                cwd=self.where,
                env={**kept, "PYTHONPATH": str(ROOT), "FOOTFALL_REPORT__LISTEN": "off", **ours},
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
            )
        assert eventually(self.is_ready, START_SECONDS), self.log.read_text()

    def is_ready(self) -> bool:
        """Whether a worker answers for itself (own endpoints are not counted)."""
        assert self.process is not None and self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            visitor = Visitor(self.port)
            try:
                return visitor.ask(b"GET", b"/_footfall/t.js").status == 200
            finally:
                visitor.close()
        return False

    def family(self) -> list[int]:
        """Process ids: the parent, then its children."""
        assert self.process is not None
        parent = self.process.pid
        return [parent, *children_of(parent)]

    def children(self, command: str) -> list[int]:
        """Those of its children that were started as this command."""
        assert self.process is not None
        return children_of(self.process.pid, command)

    def resident_bytes(self) -> int:
        return sum(_resident_bytes(pid) for pid in self.family())

    def kill(self, *, parent_first: bool) -> None:
        """SIGKILL to every process, in either order; returns when all of them are gone."""
        assert self.process is not None
        family = self.family()
        for pid in family if parent_first else family[::-1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        # A worker that the parent started between the two looks dies of the parent's death; the port tells.
        assert eventually(lambda: not any(is_alive(pid) for pid in family) and not answers(self.port))

    def stop(self) -> None:
        if self.process is not None:
            code = ended(self.process, START_SECONDS)
            said = self.log.read_text()
            assert code == 0, (code, said)
            assert "Traceback" not in said, said  # whatever a visitor saw of it

    def lines(self, words: str) -> list[str]:
        """Lines of the log with these words."""
        return [line for line in self.log.read_text().splitlines() if words in line]


@contextlib.contextmanager
def serving(where: Path, upstream: int, *, workers: int = 1, cores: int = 0, **settings: str) -> Iterator[Serving]:
    served = Serving(where, upstream, workers, settings, cores=cores)
    served.start()
    try:
        yield served
    except BaseException:
        if served.process is not None and served.process.poll() is None:
            served.kill(parent_first=True)
        raise
    served.stop()


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


# Visitors ------------------------------------------------------------------------------------------------------------


class Visitor:
    """One browser: a connection that is kept, and cookies."""

    def __init__(self, port: int, *, host: bytes = b"shop.example") -> None:
        self.port = port
        self.host = host
        self.cookies: dict[bytes, bytes] = {}
        self._wire: Wire | None = None

    def ask(self, method: bytes, target: bytes, fields: Fields | None = None, body: bytes = b"") -> Answer:
        """One request; OSError where the other side goes away in the middle."""
        try:
            return self._ask(method, target, fields or [], body)
        except OSError:
            self.close()
            raise

    def _ask(self, method: bytes, target: bytes, fields: Fields, body: bytes) -> Answer:
        wire = self._wire = self._wire or Wire(socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS))
        lines = [b"%b: %b\r\n" % pair for pair in fields]
        if self.cookies:
            lines.append(b"Cookie: " + b"; ".join(b"%b=%b" % pair for pair in self.cookies.items()) + b"\r\n")
        if body:
            lines.append(b"Content-Length: %d\r\n" % len(body))
        wire.send(b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n%b" % (method, target, self.host, b"".join(lines), body))
        answer = wire.answer(method.decode())
        for value in answer.all(b"set-cookie"):
            self._keep(value)
        if not answer.whole or answer.get(b"connection") == b"close":
            self.close()
        return answer

    def _keep(self, value: bytes) -> None:
        name, _, rest = value.partition(b"=")
        if b"Max-Age=0" in rest:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = rest.partition(b";")[0]

    def navigate(self, target: bytes, *more: tuple[bytes, bytes]) -> Answer:
        return self.ask(b"GET", target, [*NAVIGATION, *more])

    def load(self, target: bytes, *more: tuple[bytes, bytes]) -> Answer:
        return self.ask(b"GET", target, [*SUBRESOURCE, *more])

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def untagged(body: bytes) -> tuple[bytes, bytes | None]:
    """A page without its tag, and the tag's page id; (the page, None) where it has none, or more than one."""
    tags = TAG.findall(body)
    if len(tags) != 1:
        return body, None
    return TAG.sub(b"", body, count=1), tags[0]


def event_of(page_id: bytes, where: Path) -> str:
    """The id of the page.visit that a tag names, its signature checked."""
    keys = load_keys(where / "footfall.key")
    read = PageIds(tuple(key.secret for key in keys)).read(page_id.decode())
    assert read is not None
    return str(UUID(bytes=read.id))


# The store -----------------------------------------------------------------------------------------------------------


def stored(store: Path, action: str | None = None) -> list[dict[str, object]]:
    """The exported events, in their order; none where there is no store yet."""
    if not store.is_file():
        return []
    with contextlib.closing(SqliteReader(store)) as reader:
        rows = [event.to_export() for event in reader.export(Query(action=action))]
    return json.loads(json.dumps(rows))


RELEASED, LOST = "released_unsaved", "lost"


def outcomes(store: Path) -> dict[str, int]:
    """Requests by what became of them, over all days and hosts."""
    return {name: number for name, number in _counters(store).items() if name not in (RELEASED, LOST)}


def released(store: Path) -> int:
    """Pages that the time-out let go before their commit; on a busy machine there may always be one."""
    return _counters(store).get(RELEASED, 0)


def _counters(store: Path) -> dict[str, int]:
    with contextlib.closing(SqliteReader(store)) as reader:
        found: dict[str, int] = {}
        for _, _, name, number in reader.outcomes():
            found[name] = found.get(name, 0) + number
    return found


def integrity(store: Path) -> str:
    with contextlib.closing(sqlite3.connect(store)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def eventually_stored(store: Path, ids: set[str], seconds: float = PATIENCE_SECONDS) -> bool:
    """Polls until all these page.visit ids are in the store; what was seen there is not read again."""
    missing, last = set(ids), 0

    def are_there() -> bool:
        nonlocal last
        if store.is_file():
            with contextlib.closing(SqliteReader(store)) as reader:
                for event in reader.export(Query(action="page.visit", after=last)):
                    missing.discard(event.id)
                    last = event.seq
        return not missing

    return eventually(are_there, seconds)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
