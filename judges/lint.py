"""The judge of fields: httplint on every answer of a site, directly and through footfall.

Law: what httplint notes as bad or warns of about a proxied answer, it also notes about the direct one. The sites are
Python's documentation (or a small one, where it is not installed) behind nginx, with the cache fields that sites have,
and the demo's shop.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.servers import MEDIUM, SMALL, Server, footfall, nginx, write_site
from judges import FOUND, GOOD, ROOT
from judges.tools import Answer, Fields, ask, package, program

DOCUMENTATION = Path("/usr/share/doc/python3-doc/html")
PAGES = ("/index.html", "/library/index.html", "/howto/index.html", "/tutorial/index.html", "/whatsnew/index.html")
ASSETS = ("/_static/pydoctheme.css", "/_static/doctools.js", "/_static/py.svg", "/objects.inv")
SHOP = ("/", "/range", "/about", "/checkout", "/products/tide-bowl", "/static/style.css", "/nothing-here")
SITE = """
    types {{ text/html html; text/css css; application/javascript js; image/svg+xml svg; }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location /library/ {{ gzip on; gzip_vary on; gzip_proxied any; gzip_comp_level 1; }}
        location /_static/ {{ gzip on; gzip_vary on; gzip_proxied any; gzip_types text/css application/javascript;
                              add_header Cache-Control "public, s-maxage=600"; }}
        location /howto/ {{ charset utf-8; expires 1h; }}
        location /whatsnew/ {{ add_header Cache-Control "public, max-age=60, stale-while-revalidate=30";
                               add_header Set-Cookie "a=1; Path=/; HttpOnly; SameSite=Lax"; }}
        location /tutorial/ {{ etag off; }}
        location /moved {{ return 301 /index.html; }}
    }}
"""
COMMON: Fields = [(b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
NAVIGATION: Fields = [
    *COMMON,
    (b"Accept", b"text/html,application/xhtml+xml,*/*;q=0.8"),
    (b"Sec-Fetch-Dest", b"document"),
    (b"Sec-Fetch-Mode", b"navigate"),
    (b"Sec-Fetch-Site", b"none"),
]
ASSET: Fields = [
    *COMMON,
    (b"Accept", b"*/*"),
    (b"Sec-Fetch-Dest", b"script"),
    (b"Sec-Fetch-Mode", b"no-cors"),
    (b"Sec-Fetch-Site", b"same-origin"),
]
CODINGS: tuple[Fields, ...] = ([], [(b"Accept-Encoding", b"gzip")], [(b"Accept-Encoding", b"gzip, br, zstd")])
SHOWN = 12


def main(words: list[str]) -> int:
    linter = package("httplint")
    nginx_program = program("nginx", "nginx")
    found: Counter[str] = Counter()
    count = 0
    with tempfile.TemporaryDirectory(prefix="footfall-judge-") as folder:
        where = Path(folder)
        with site(nginx_program, where) as (one, paths), footfall(where / "one", one) as through:
            count += compare(linter, one, through, paths, found)
        with shop() as two, footfall(where / "two", two) as through:
            count += compare(linter, two, through, SHOP, found)
    print(f"lint: {count} answers beside the direct ones, {sum(found.values())} new warnings or errors (httplint)")
    for line, number in found.most_common(SHOWN):
        print(f"  {number} x {line}")
    return FOUND if found else GOOD


@contextlib.contextmanager
def site(program: str, where: Path) -> Iterator[tuple[Server, tuple[str, ...]]]:
    root: Path = DOCUMENTATION
    paths: tuple[str, ...] = (*PAGES, *ASSETS)
    if not DOCUMENTATION.is_dir():
        print("lint: without Python's documentation (apt install python3-doc), on a small site")
        root, paths = where / "site", (SMALL, MEDIUM)
        write_site(root)
    with nginx(program, where / "nginx", "site", SITE, root=root.resolve()) as server:
        yield server, (*paths, "/moved", "/nothing-here")


@contextlib.contextmanager
def shop() -> Iterator[Server]:
    """The demo's shop, in a process of its own."""
    source = """
import socket, uvicorn
from proxy.demo.shop import app
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app(), log_level="critical", lifespan="off")).run([listener])
"""
    process = subprocess.Popen([sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server("shop", process.pid, int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def compare(linter: Any, direct: Server, through: Server, paths: tuple[str, ...], found: Counter[str]) -> int:
    """How many answers were judged; `found` gets what only the proxied ones are told."""
    count = 0
    for method, path, fields in requests(paths):
        before, after = (ask(server.port, method, path, fields) for server in (direct, through))
        asked = [(fields, after)]
        known = notes(linter, method, path, fields, before)
        if method == "GET" and before.status == 200:
            # A browser that comes back, with the validators and the cookie that each has given it. Footfall may answer
            # whole what the site answers with 304 (C1): what the site has earned by either counts for both.
            again = [[*fields, *returning(answer)] for answer in (before, after)]
            later = [ask(s.port, method, path, f) for s, f in zip((direct, through), again, strict=True)]
            known |= notes(linter, method, path, again[0], later[0])
            asked.append((again[1], later[1]))
        for told, other in asked:
            count += 1
            for note, text in notes(linter, method, path, told, other).items():
                if note not in known:
                    found[f"{method} {path} {other.status}: {note}: {text}"] += 1
    return count


def requests(paths: tuple[str, ...]) -> Iterator[tuple[str, str, Fields]]:
    for path in paths:
        for coding in CODINGS:
            yield "GET", path, [*NAVIGATION, *coding]
        yield "GET", path, [*ASSET, *CODINGS[2]]
        yield "GET", path, [*ASSET, (b"Range", b"bytes=10-19")]
        yield "HEAD", path, [*NAVIGATION, *CODINGS[1]]


def returning(answer: Answer) -> Fields:
    named = {name.lower(): value for name, value in answer.fields}
    fields = []
    if b"etag" in named:
        fields.append((b"If-None-Match", named[b"etag"]))
    if b"set-cookie" in named:
        fields.append((b"Cookie", named[b"set-cookie"].partition(b";")[0]))
    return fields


def notes(linter: Any, method: str, path: str, fields: Fields, answer: Answer) -> dict[str, str]:
    """Names of the notes that are warnings or errors, with what they say."""
    request = linter.HttpRequestLinter()
    request.process_request_topline(method.encode(), path.encode(), b"1.1")
    request.process_headers([(b"Host", b"shop.example"), *fields])
    request.finish_content(True)
    response = linter.HttpResponseLinter(no_content=method == "HEAD")
    response.request = request
    response.is_head_response = method == "HEAD"
    response.base_uri = f"http://shop.example{path}"
    response.process_response_topline(b"1.1", b"%d" % answer.status, b"")
    response.process_headers(answer.fields)
    if method != "HEAD":
        response.feed_content(answer.body)
    response.finish_content(True)
    judged = (linter.levels.BAD, linter.levels.WARN)
    return {type(note).__name__: str(note.summary) for note in response.notes if note.level in judged}
