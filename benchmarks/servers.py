"""What is measured, started: the site and its nginx peer, `footfall serve`, and parts of footfall.

Each is a context manager that ends the process it started, and no other. Files are below the directory it is given,
addresses are free ports of 127.0.0.1.
"""

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.process import (
    PORT_TRIES,
    START_SECONDS,
    StartError,
    answers,
    ended,
    free_port,
    last_line,
    listens,
    starts,
)
from proxy.children import environment
from proxy.listening import BACKLOG

ROOT = Path(__file__).parents[1]
NO_REPORT = {"FOOTFALL_REPORT__LISTEN": "off"}
DEFAULTS: Mapping[str, str] = {}
UNLIMITED: Mapping[str, str] = {
    "FOOTFALL_LIMITS__VISITOR_EVENTS_PER_SECOND": "0",
    "FOOTFALL_LIMITS__ADDRESS_EVENTS_PER_SECOND": "0",
}
"""All beacons come from one address here, and each visitor's faster than a hand can move."""
SMALL, MEDIUM, IMAGE, LARGE = "/small.html", "/medium.html", "/image.bin", "/large.html"
SIZES = {SMALL: 7_000, MEDIUM: 58_000, IMAGE: 100_000, LARGE: 755_000}
"""Bytes of the site's files, those of pages to within a paragraph."""
HEAD_TAG = "<head>"
SCRIPT = "/_footfall/t.js"

FRAME = """
daemon off;
{user}
worker_processes 1;
pid {where}/nginx.pid;
error_log {where}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {where}/tmp; proxy_temp_path {where}/tmp; fastcgi_temp_path {where}/tmp;
    uwsgi_temp_path {where}/tmp; scgi_temp_path {where}/tmp;
    keepalive_requests 1000000;
    {content}
}}
"""
ORIGIN = """
    types {{ text/html html; image/png bin; }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location = /_footfall/events {{ return 204; }}
    }}
"""
PEER = """
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        {asked}
        location = /_footfall/events {{ proxy_pass http://origin; }}
        location = /socket {{
            proxy_pass http://origin;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 1h;
        }}
        location / {{
            proxy_pass http://origin;
            proxy_buffer_size 16k;
            proxy_buffers 16 16k;
            proxy_busy_buffers_size 128k;
            {changed}
        }}
    }}
"""
UNCODED = 'proxy_set_header Accept-Encoding "";'
FILTER = "sub_filter_once on; sub_filter '{head}' '{head}{tag}'; add_header Set-Cookie '{set_cookie}';"
GZIP = "gzip on; gzip_comp_level 1; gzip_proxied any;"


@dataclass(frozen=True, slots=True)
class Runner:
    """Whose footfall is started, and by what.

    Args:
        tree: the folder that has its `proxy`.
        python: begins the command of a part.
        serve: begins that of the whole, which starts its worker itself; `proxy`'s own arguments follow.
        environ: what it sees besides ours.
        start_seconds: how long starting may take.
    """

    tree: Path = ROOT
    python: tuple[str, ...] = (sys.executable,)
    serve: tuple[str, ...] = (sys.executable, "-m", "proxy")
    environ: Mapping[str, str] = field(default_factory=dict)
    start_seconds: float = START_SECONDS


OURS = Runner()


@dataclass(frozen=True, slots=True)
class Server:
    """A running subject. `store` is footfall's, None where nothing is recorded."""

    name: str
    pid: int
    port: int
    store: Path | None = None


def write_site(root: Path) -> None:
    """Three pages and an image, the same at every run."""
    root.mkdir()
    source = random.Random(1)
    for path, size in SIZES.items():
        content = source.randbytes(size) if path == IMAGE else _page(source, size)
        (root / path.lstrip("/")).write_bytes(content)


def _page(source: random.Random, size: int) -> bytes:
    head = (
        f'<!doctype html>\n<html lang="en">\n{HEAD_TAG}\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>A page</title>\n'
        '<link rel="stylesheet" href="/site.css">\n</head>\n<body>\n'
    )
    end = "</body>\n</html>\n"
    words = ("lorem", "ipsum", "dolor", "sit", "amet")
    paragraphs: list[str] = []
    length = len(head) + len(end)
    while length < size:
        paragraphs.append(f'<p class="text">{" ".join(source.choice(words) for _ in range(12))}</p>\n')
        length += len(paragraphs[-1])
    return "".join((head, *paragraphs, end)).encode()


@contextlib.contextmanager
def origin(program: str, where: Path, root: Path) -> Iterator[Server]:
    """The site itself, on nginx."""
    with nginx(program, where, "origin", ORIGIN, root=root) as server:
        yield server


@contextlib.contextmanager
def peer(
    program: str, where: Path, upstream: Server, *, tag: str, set_cookie: str, gzip: bool = False
) -> Iterator[Server]:
    """nginx before the site, putting `tag` into pages and a cookie into every answer; `gzip`: and compressing them."""
    changed = FILTER.format(head=HEAD_TAG, tag=tag, set_cookie=set_cookie) + GZIP * gzip
    with nginx(program, where, "nginx", PEER, origin=upstream.port, asked=UNCODED, changed=changed) as it:
        yield it


@contextlib.contextmanager
def plain(program: str, where: Path, upstream: Server) -> Iterator[Server]:
    """nginx before the site, passing everything on."""
    with nginx(program, where, "nginx", PEER, origin=upstream.port, asked="", changed="") as it:
        yield it


@contextlib.contextmanager
def nginx(program: str, where: Path, name: str, content: str, **values: object) -> Iterator[Server]:
    (where / "tmp").mkdir(parents=True)
    user = "user root;" if os.geteuid() == 0 else ""  # the directory is ours alone
    conf, log = where / "nginx.conf", where / "error.log"
    for _ in range(PORT_TRIES):
        port = free_port()
        conf.write_text(FRAME.format(where=where, user=user, content=content.format(port=port, **values)))
        process = subprocess.Popen(
            [program, "-p", str(where), "-c", str(conf), "-e", str(log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with ended(process):
            if starts(process, lambda: listens(port), START_SECONDS):  # noqa: B023
                yield Server(name, process.pid, port)
                return
    raise StartError(f"{name} did not start: {last_line(log)}")


@contextlib.contextmanager
def footfall(
    where: Path, upstream: Server, *, workers: int = 1, settings: Mapping[str, str] = DEFAULTS, by: Runner = OURS
) -> Iterator[Server]:
    """`footfall serve` as it is run, its store and secrets in `where`; but without a report's process, of which there
    could be only one on its address. `settings` are environment variables."""
    where.mkdir(parents=True)
    log = where / "serve.log"
    for _ in range(PORT_TRIES):
        port = free_port()
        words = ["--upstream", _url(upstream), "--listen", f"127.0.0.1:{port}", "--workers", str(workers)]
        with log.open("w") as said:
            process = subprocess.Popen(
                [*by.serve, "serve", *words],
                cwd=where,
                env={**_environment(by), **NO_REPORT, **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        with ended(process):
            if starts(process, lambda: answers(port, SCRIPT), by.start_seconds):  # noqa: B023
                yield Server(
                    f"footfall, {workers} worker{'s' * (workers > 1)}", process.pid, port, where / "footfall.db"
                )
                return
    raise StartError(f"footfall did not start: {last_line(log)}")


@contextlib.contextmanager
def part(where: Path, kind: str, upstream: Server, page: Path, *, by: Runner = OURS) -> Iterator[Server]:
    """A part of footfall (benchmarks/subjects.py) with the same malloc settings as the whole."""
    where.mkdir(parents=True)
    log = where / "part.log"
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener, log.open("w") as said:
        listener.setblocking(False)
        port, number = listener.getsockname()[1], listener.fileno()
        words = ["--socket", str(number), "--upstream", _url(upstream), "--page", str(page)]
        process = subprocess.Popen(
            [*by.python, "-m", "benchmarks.subjects", kind, *words],
            cwd=where,
            env=environment(_environment(by)),
            stdin=subprocess.PIPE,  # held open: its end is the child's end
            stdout=subprocess.DEVNULL,
            stderr=said,
            pass_fds=(number,),
        )
    with ended(process):
        if not starts(process, lambda: answers(port, SMALL), by.start_seconds):
            raise StartError(f"{kind} did not start: {last_line(log)}")
        yield Server(kind, process.pid, port)


def _environment(by: Runner) -> dict[str, str]:
    """Ours, without configuration for footfall."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    return {**kept, **by.environ, "PYTHONPATH": str(by.tree)}


def _url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"
