"""`footfall audit` as it is typed, on real sites: the demo's shop, the same with mistakes planted, and hostile ones."""

import contextlib
import gzip
import json
import os
import pty
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from shops import shop as tracked_site
from wire import certify, serving

from proxy.audit.fetching import PAGE_BYTES, Unreadable, decoded, within
from proxy.config import Config
from proxy.demo.shop import app as demo_shop

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60


def footfall(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}
    command = [sys.executable, "-m", "proxy", *words]
    return subprocess.run(
        command, cwd=ROOT / "tests", env=kept, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )


def audited(port: int, *words: str) -> tuple[int, dict]:
    done = footfall("audit", f"http://127.0.0.1:{port}/", "--json", *words)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


# The demo's shop --------------------------------------------------------------------------------------------------

PLANTED = {
    "/": [
        ('data-track-as="banner"', 'data-track-az="banner"', "unknown_attribute"),
        ('data-track="How it is made" data-track-on="click"', 'data-track="How" data-track-on="clik"', "unknown_word"),
    ],
    "/range": [('data-track="Dune vase"', 'data-track="Tide bowl"', "same_name")],
    "/about": [
        ("<h2>Seconds</h2>", '<h2>Seconds</h2><input name="mail" data-track-field="mail">', "outside_form"),
        ("<blockquote>", '<script>footfall.push(["event", "entries.count"])</script><blockquote>', "bad_action"),
    ],
    "/checkout": [
        ('<textarea name="address"', '<textarea data-track-field="address" name="address"', "inside_off"),
        ('data-track-field="notes"', 'data-track-field="coupon"', "same_field"),
        ('<input name="cvc"', '<input name="cvc" data-track-field="code"', "never_captured"),
    ],
    "/products/tide-bowl": [
        ('data-track="Order"', 'data-track=""', "empty_name"),
        ('data-track-form="order" data-track-p-sku', 'data-track-form="order" data-track-p-session', "bad_param"),
    ],
}


class Changed:
    """A site with the texts of some of its pages changed."""

    def __init__(self, site: Callable, planted: dict) -> None:
        self.site, self.planted, self.lines = site, planted, {}

    async def __call__(self, scope, receive, send):
        changes = self.planted.get(scope.get("path"), ())
        start = {}

        async def changed(message):
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body = message["body"].decode()
            for before, after, code in changes:
                assert body.count(before) == 1, (scope["path"], before, body.count(before))
                self.lines[scope["path"], code] = body[: body.index(before)].count("\n") + 1
                body = body.replace(before, after)
            fields = [(name, value) for name, value in start["headers"] if name != b"content-length"]
            content = body.encode()
            await send({**start, "headers": [*fields, (b"content-length", b"%d" % len(content))]})
            await send({**message, "body": content})

        await self.site(scope, receive, changed if changes else send)


def test_the_demos_shop_has_no_mistake():
    with serving(demo_shop()) as site:
        code, told = audited(site.port)
    assert code == 0 and told["mistakes"] == [] and told["unread"] == [] and told["suggestions"] == []
    assert len(told["pages"]) == 10
    assert {one["name"] for one in told["forms"]} == {"newsletter", "order", "checkout"}
    assert {one["context"] for one in told["elements"]} == {
        "banner", "button", "element", "image", "link", "menu", "product",
    }  # fmt: skip


def test_ten_planted_mistakes_are_found_and_nothing_else():
    changed = Changed(demo_shop(), PLANTED)
    with serving(changed) as site:
        code, told = audited(site.port)
        text = footfall("audit", f"http://127.0.0.1:{site.port}")
    found = {(place["page"], one["code"], place["line"]) for one in told["mistakes"] for place in one["places"]}
    planted = {(page, code, line) for (page, code), line in changed.lines.items()}
    assert found == planted
    assert len(planted) == len(told["mistakes"]) == 10 and code == text.returncode == 1
    assert "Mistakes                  10" in text.stdout and text.stderr == ""


@pytest.mark.parametrize(
    ("gpc", "outcomes"), [(True, {"opted_out": 10, "redirect": 1}), (False, {"visit": 10, "redirect": 1})]
)
def test_behind_footfall_its_tag_is_no_mistake_and_nobody_is_counted_who_need_not_be(tmp_path, gpc, outcomes):
    config = Config(base=tmp_path)
    config = replace(config, consent=replace(config.consent, gpc=gpc))
    with tracked_site(config, demo_shop()) as front:
        code, told = audited(front.served.port)
        assert code == 0 and len(told["pages"]) == 10 and told["unread"] == []
        deadline = time.monotonic() + 10
        while sum(front.outcomes().values()) < 11 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert front.outcomes() == outcomes


# The command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("shop.example", "must be an address"),
        ("ftp://shop.example/", "must be an address"),
        ("http://me:secret@shop.example/", "must be an address"),
        ("http://[x/", "must be an address"),
    ],
)
def test_wrong_usage_is_2_with_one_line(url, said):
    done = footfall("audit", url)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


def test_a_number_of_pages_that_is_none_is_2():
    for number in ("0", "10001", "x"):
        assert footfall("audit", "http://127.0.0.1/", "--pages", number).returncode == 2


def test_a_site_that_is_not_there_is_2_with_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = footfall("audit", f"http://127.0.0.1:{port}/")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"footfall: http://127.0.0.1:{port}/: nobody answers there (connection refused)\n"
    done = footfall("audit", "http://nothing.invalid/")
    assert done.returncode == 2 and "there is no host of this name" in done.stderr


def test_colours_are_for_terminals_that_want_them():
    with serving(demo_shop()) as site:
        url = f"http://127.0.0.1:{site.port}/about"
        assert "\033[1m" in typed("audit", url, "--pages", "1")
        assert "\033[" not in typed("audit", url, "--pages", "1", NO_COLOR="1")
        assert "\033[" not in footfall("audit", url, "--pages", "1", NO_COLOR="").stdout


def typed(*words: str, **more: str) -> str:
    """What a terminal shows."""
    above, below = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    command = [sys.executable, "-m", "proxy", *words]
    environment = {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}
    shown = b""
    with subprocess.Popen(command, cwd=ROOT / "tests", env=environment, stdout=below, stderr=below, stdin=below) as run:
        os.close(below)
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while part := os.read(above, 65_536):
                shown += part
        assert run.wait(DEADLINE_SECONDS) == 0
    os.close(above)
    return shown.decode()


# What a site may do -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def answering(
    answer: Callable[[str], bytes | Iterator[bytes]], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A site that answers a path with these bytes; yields its port and the heads of the requests."""
    heads: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            connection if tls is None else tls.wrap_socket(connection, True) as connection,
        ):
            head = b""
            while not head.startswith(b"\x16") and b"\r\n\r\n" not in head and (part := connection.recv(65_536)):
                head += part
            heads.append(head)
            said = answer(head.split(b" ")[1].decode() if head.startswith(b"GET ") else "")
            for part in (said,) if isinstance(said, bytes) else said:
                connection.sendall(part)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heads
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def page(text: bytes, fields: bytes = b"Content-Type: text/html\r\n", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, fields, len(text), text)


UNREADABLE = {
    "/teapot": (page(b"", status=b"418 I'm a \x1b[31mteapot"), "418 I'm a Teapot"),
    "/odd": (page(b"", status=b"599 \x1b[31mx"), "599"),
    "/image": (page(b"GIF89a", b"Content-Type: image/gif\r\n"), "not HTML: image/gif"),
    "/nothing": (page(b"x", b""), "not HTML: it does not say what it is"),
    "/large": (page(b"x" * (PAGE_BYTES + 1)), "larger than 2 MiB"),
    "/bomb": (
        page(gzip.compress(b"x" * 20_000_000), b"Content-Type: text/html\r\nContent-Encoding: gzip\r\n"),
        "larger than 2 MiB",
    ),
    "/coded": (page(b"xxxx", b"Content-Type: text/html\r\nContent-Encoding: gzip\r\n"), "not coded as it says"),
    "/foreign": (page(b"xxxx", b"Content-Type: text/html\r\nContent-Encoding: x-odd\r\n"), "not known here"),
    "/cut": (page(b"x")[:-1] + b"", "cut off"),
    "/short": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "cut off"),
    "/garbage": (b"\x00\x01garbage\r\n\r\n", "no good HTTP"),
    "/closed": (b"", "no good HTTP"),
    "/heads": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "no good HTTP"),
    "/round": (page(b"", b"Location: /round\r\n", b"302 Found"), "redirects more than 5 times"),
    "/away": (page(b"", b"Location: http://other.example/\r\n", b"302 Found"), "redirects off the site"),
}


def test_pages_that_cannot_be_read_are_said_with_the_reason():
    home = "".join(f"<a href={path}>x</a>\n" for path in (*UNREADABLE, "/packed", "/logout"))
    packed = page(gzip.compress(b"<i data-track-x>"), b"Content-Type: text/html\r\nContent-Encoding: gzip\r\n")
    with answering(
        lambda path: page(home.encode()) if path == "/" else packed if path == "/packed" else UNREADABLE[path][0]
    ) as (port, heads):
        code, told = audited(port)
    assert code == 1 and [one["code"] for one in told["mistakes"]] == ["unknown_attribute"]
    why = {one["page"]: one["why"] for one in told["unread"]}
    assert set(why) == set(UNREADABLE)
    for path, (_, said) in UNREADABLE.items():
        assert said in why[path], (path, why[path])
    for head in heads:
        assert head.startswith(b"GET ") and b"\r\nUser-Agent: footfall-audit/" in head
        assert b"Cookie" not in head and b"/logout" not in head


def test_an_https_site_has_to_be_trusted(tmp_path):
    certificate = certify(tmp_path) / "cert.pem"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, tmp_path / "key.pem")
    with answering(lambda path: page(b"<i data-track=x>"), tls) as (port, _):
        done = footfall("audit", f"https://localhost:{port}/")
        assert done.returncode == 2 and "its certificate is not trusted" in done.stderr
        assert footfall("audit", f"https://localhost:{port}/", SSL_CERT_FILE=str(certificate)).returncode == 0
    with answering(lambda path: page(b"")) as (port, _):
        assert "no TLS connection can be made" in footfall("audit", f"https://localhost:{port}/").stderr


def test_a_page_that_never_ends_takes_its_seconds_and_no_more():
    def dripping(path: str) -> bytes | Iterator[bytes]:
        if path == "/":
            return page(b"<a href=/slow>x</a><a href=/fast>x</a>")
        return drip() if path == "/slow" else page(b"<p>")

    def drip() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"
        while True:
            yield b"x"
            time.sleep(0.05)

    begun = time.monotonic()
    with answering(dripping) as (port, _):
        code, told = audited(port)
    assert code == 0 and told["pages"] == ["/", "/fast"]
    assert told["unread"][0]["why"] == "no whole answer within 15 s"
    assert 14 < time.monotonic() - begun < 40


def test_a_site_without_an_end_is_read_as_far_as_is_wanted():
    def endless(path: str) -> bytes:
        number = int(path.strip("/") or 0)
        return page(b"".join(b"<a href=/%d>x</a>" % n for n in range(number + 1, number + 30)))

    with answering(endless) as (port, heads):
        code, told = audited(port, "--pages", "7")
    assert code == 0 and len(told["pages"]) == len(heads) == 7 and told["pages_not_read"] == 29


def test_what_takes_too_long_is_ended_on_the_main_thread_and_the_clock_is_put_away():
    with pytest.raises(Unreadable, match="too long"), within(0.2, "too long"):
        while True:
            sum(range(1_000))
    with within(0.2, "too long"):
        pass
    time.sleep(0.3)


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ("é".encode(), None, "é"),
        ("é".encode("latin-1"), None, "é"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        ("\ufeffé".encode(), "text/html; charset=latin1", "é"),
        ("\ufeffé".encode("utf-16-le"), None, "é"),
        (b"<meta charset='windows-1250'>\xea", None, "<meta charset='windows-1250'>ę"),
        (b"<meta charset=utf-16>\xc3\xa9", None, "<meta charset=utf-16>é"),
        (b"\xc3\xa9", "text/html; charset=rot13", "é"),
        (b"\xc3\xa9", "text/html; charset=punycode", "é"),
    ],
)
def test_text_is_read_in_its_charset(body, field, text):
    assert decoded(body, field) == text
