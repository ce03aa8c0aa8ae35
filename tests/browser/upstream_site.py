"""A small real site for the browser to walk through: a threaded server of this process whose pages say what they are.

`Site.seen` keeps every request as the site got it, so that a test can prove what did (and did not) reach it.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOLD_SECONDS = 10.0
"""Longest that an answer waits for the others of its barrier."""

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: a document with this title unless `raw` says otherwise.

    `etag` is honoured with a 304; at each barrier of `hold` the answer waits for its others.
    """

    title: str = ""
    head: str = ""
    body: str = ""
    headers: Headers = field(default_factory=dict)
    status: int = 200
    etag: str | None = None
    raw: bytes | None = None
    hold: tuple[threading.Barrier, ...] = ()

    def content(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{self.title}</title>'
            f"{self.head}</head><body><h1>{self.title}</h1>{self.body}</body></html>\n"
        ).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the site saw it; header names in lower case."""

    method: str
    path: str
    headers: Headers
    status: int


def script(text: str) -> Page:
    return Page(raw=text.encode(), headers={"Content-Type": "text/javascript"})


class Site:
    """Pages by path, changed by the test as it likes; everything else is 404."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.pages = {"/favicon.ico": Page(raw=b"", headers={"Content-Type": "image/x-icon"}), **pages}
        self.seen: list[Asked] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.answer(self)

            do_POST = do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def asked(self, path: str) -> list[Asked]:
        """The requests for a path, in the order in which they were answered."""
        return [request for request in self.seen if request.path == path]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        handler.rfile.read(int(headers.get("content-length", 0)))
        page = self.pages.get(handler.path.partition("?")[0], Page("Not here", status=404))
        fresh = page.etag is not None and headers.get("if-none-match") == page.etag
        status = 304 if fresh else page.status
        self.seen.append(Asked(handler.command, handler.path, headers, status))
        for barrier in page.hold:
            barrier.wait(HOLD_SECONDS)
        handler.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **page.headers}.items():
            handler.send_header(name, value)
        if page.etag is not None:
            handler.send_header("ETag", page.etag)
        body = page.content()
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status != 304 and handler.command != "HEAD":
            handler.wfile.write(body)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def site_of(pages: dict[str, Page]) -> Iterator[Site]:
    site = Site(pages)
    try:
        yield site
    finally:
        site.close()
