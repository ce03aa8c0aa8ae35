"""A site of several hundred pages that nobody wrote for this: Python's documentation, served by nginx.

Every file is fetched from nginx and through `footfall serve`. What may differ is written down below as data, with the
letter in HTTP.md or the section of VISITS.md that names it; everything else has to be equal to the byte.
"""

import contextlib
import gzip
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from whole import (
    NAVIGATION,
    NGINX,
    SUBRESOURCE,
    Fields,
    Serving,
    Visitor,
    event_of,
    integrity,
    nginx,
    outcomes,
    serving,
    stored,
    untagged,
)
from wire import Answer

CANDIDATES = [Path("/usr/share/doc/python3/html"), *Path("/usr/share/doc").glob("python3*-doc/html")]
DOCS = next((path.resolve() for path in CANDIDATES if (path / "library" / "index.html").is_file()), None)
pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.skipif(DOCS is None, reason="Debian's python3-doc is not installed"),
]

HTTP_CONF = """
    types { text/html html; text/css css; application/javascript js; image/png png; image/svg+xml svg;
            text/plain txt; application/json json; text/xml xml; }
    default_type application/octet-stream;
    etag on;
"""
SERVER_CONF = """
    root %s;
    location /library/ { gzip on; gzip_vary on; gzip_proxied any; gzip_comp_level 1; }
    location /_static/ { gzip on; gzip_vary on; gzip_proxied any; gzip_types text/css application/javascript;
                         add_header Cache-Control "public, s-maxage=600"; add_header Link "</a>; rel=preload"; }
    location /howto/ { charset utf-8; expires 1h; }
    location /whatsnew/ { add_header Cache-Control "public, max-age=60, s-maxage=600, stale-while-revalidate=30";
                          add_header Surrogate-Control "max-age=9"; add_header CDN-Cache-Control "max-age=9";
                          add_header Vary Origin; add_header Set-Cookie "a=1"; add_header Set-Cookie "b=2"; }
    location /tutorial/ { etag off; }
"""


# What differs, as data -----------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """One answer and what its request was."""

    direct: Answer
    through: Answer
    tag: bytes = b""


Rule = Callable[[bytes | None, Seen], bytes | None]


def gone(value: bytes | None, seen: Seen) -> None:
    return None


def longer(value: bytes | None, seen: Seen) -> bytes | None:
    return None if value is None else b"%d" % (int(value) + len(seen.tag))


def suffixed(value: bytes | None, seen: Seen) -> bytes | None:
    modified = seen.direct.get(b"last-modified")
    if value is None and modified is not None:
        return b'W/"lm-%d~ff"' % parsedate_to_datetime(modified.decode()).timestamp()
    if value is None:
        return None
    return value[:-1] + b'~ffw"' if value.startswith(b"W/") else b"W/" + value[:-1] + b'~ff"'


def private(value: bytes | None, seen: Seen) -> bytes:
    kept = [part.strip() for one in seen.direct.all(b"cache-control") for part in one.split(b",")]
    if b"no-store" in kept:  # says it already, and more
        return b", ".join(kept)
    return b", ".join([b"private", *(part for part in kept if part != b"public" and b"s-maxage" not in part)])


def with_fetch_fields(value: bytes | None, seen: Seen) -> bytes:
    return b", ".join([*seen.direct.all(b"vary"), b"Sec-Fetch-Dest", b"Sec-Fetch-Mode"])


def marked(value: bytes | None, seen: Seen) -> bytes:
    return b"tagged"


def by_us(value: bytes | None, seen: Seen) -> bytes | None:
    """Ours names this installation, which differs from one to the next."""
    (via,) = seen.through.all(b"via")
    assert re.fullmatch(rb"1\.1 footfall-[0-9a-f]{8}", via)
    return via


EVERY_ANSWER: dict[bytes, tuple[str, Rule]] = {
    b"connection": ("F6", gone),
    b"keep-alive": ("F6", gone),
    b"transfer-encoding": ("F2: the framing is rebuilt", gone),
    b"via": ("F8", by_us),
}
PRIVATE_ANSWER: dict[bytes, tuple[str, Rule]] = {
    **EVERY_ANSWER,
    b"cache-control": ("C5, VISITS.md section 2", private),
    b"cdn-cache-control": ("C5", gone),
    b"surrogate-control": ("C5", gone),
    b"vary": ("C6", with_fetch_fields),
}
TAGGED_ANSWER: dict[bytes, tuple[str, Rule]] = {
    **PRIVATE_ANSWER,
    b"accept-ranges": ("C2", gone),
    b"content-length": ("C3: known again where the body came in one piece with a length", longer),
    b"etag": ("C1", suffixed),
    b"x-footfall": ("Where the tag goes: our marker", marked),
}
TAGGED_HEAD = {**TAGGED_ANSWER, b"content-length": ("C3: HEAD is without", gone)}
FRAMING = (b"connection", b"transfer-encoding")


def timeless(name: bytes, value: bytes, answer: Fields) -> bytes:
    """A field's value without when its answer was made: the two are asked for one after the other, at times in two
    different seconds."""
    if name == b"date":
        return b""
    if name == b"expires":
        made = dict(answer)[b"date"]
        later = parsedate_to_datetime(value.decode()) - parsedate_to_datetime(made.decode())
        return b"Date + %d s" % (4 * round(later.total_seconds() / 4))  # the two fields may be a second apart, too
    return value


def fields_that_differ(rules: dict[bytes, tuple[str, Rule]], seen: Seen) -> list[str]:
    """What is not as the rules say, in words; empty where all is well."""
    wrong = []
    plain = [[pair for pair in answer.fields if pair[0] not in rules] for answer in (seen.direct, seen.through)]
    direct, through = ([(name, timeless(name, value, side)) for name, value in side] for side in plain)
    if direct != through:
        wrong.append(f"fields that nothing may change: {direct} became {through}")
    if len(seen.through.all(b"date")) != 1:
        wrong.append("not one Date")
    for name, (letter, rule) in rules.items():
        expected = rule(seen.direct.get(name), seen)
        got = [value for value in seen.through.all(name) if name not in FRAMING]
        if got != ([] if expected is None else [expected]):
            wrong.append(f"{name.decode()} ({letter}): {seen.direct.all(name)} became {got}, not {expected!r}")
    return wrong


# The site and its visitor --------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """One browser, fetching everything twice: from nginx and through footfall."""

    nginx: Visitor
    proxy: Visitor
    serving: Serving
    counted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def both(self, outcome: str, target: bytes, fields: Fields, *more: tuple[bytes, bytes], method: bytes = b"GET"):
        """The same request to both sides, and how footfall is to count it."""
        self.counted[outcome] += 1
        direct = self.nginx.ask(method, target, [*fields, *more])
        return Seen(direct, self.proxy.ask(method, target, [*fields, *more]))

    def check(self, target: bytes, rules: dict[bytes, tuple[str, Rule]], seen: Seen, *truths: tuple[str, bool]) -> None:
        """Collects what is wrong, so that one run tells all of it."""
        problems = fields_that_differ(rules, seen)
        problems += [what for what, true in truths if not true]
        if seen.direct.status != seen.through.status:
            problems.append(f"status {seen.direct.status} became {seen.through.status}")
        if not (seen.direct.whole and seen.through.whole):
            problems.append("a body was cut short")
        self.wrong += [f"{target.decode()}: {problem}" for problem in problems]

    def done(self) -> None:
        wrong, self.wrong = self.wrong, []
        assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:20])


@contextlib.contextmanager
def walking(where: Path) -> Iterator[Walk]:
    with (
        nginx(where / "nginx", http=HTTP_CONF, server=SERVER_CONF % DOCS) as port,
        serving(where, port) as served,
    ):
        walk = Walk(Visitor(port), Visitor(served.port), served)
        yield walk
        walk.nginx.close()
        walk.proxy.close()


def targets() -> tuple[list[bytes], list[bytes]]:
    """Paths of all pages and of all other files."""
    assert DOCS is not None
    pages, assets = [], []
    for folder, _, names in os.walk(DOCS, followlinks=True):
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file():
                target = quote(f"/{path.relative_to(DOCS)}").encode()
                (pages if name.endswith(".html") else assets).append(target)
    return sorted(pages), sorted(assets)


def decoded(answer: Answer) -> bytes:
    coding = answer.get(b"content-encoding")
    assert coding in (None, b"gzip"), coding
    return gzip.decompress(answer.body) if coding else answer.body


def test_every_page_differs_by_one_tag_and_every_other_file_by_nothing(tmp_path: Path) -> None:
    pages, assets = targets()
    assert len(pages) > 400 and len(assets) > 400
    ids: list[str] = []
    coded = 0
    with walking(tmp_path) as walk:
        # A first page brings the cookie, so that the crawl is one visitor's.
        seen = walk.both("visit", b"/index.html", NAVIGATION)
        assert [name for name, _ in seen.through.fields].count(b"set-cookie") == 1
        ids.append(event_of(untagged(seen.through.body)[1] or b"", tmp_path))
        for target in pages:
            seen = walk.both("visit", target, NAVIGATION)
            direct, through = decoded(seen.direct), decoded(seen.through)
            body, page_id = untagged(through)
            seen.tag = b"" if page_id is None else b"x" * (len(through) - len(body))
            coded += seen.through.get(b"content-encoding") is not None
            walk.check(
                target,
                TAGGED_ANSWER,
                seen,
                ("has not exactly one tag", page_id is not None),
                ("differs by more than the tag", body == direct),
                ("the tag is longer than 130 bytes", len(seen.tag) <= 130),
            )
            ids += [event_of(page_id, tmp_path)] if page_id else []
        for target in assets:
            seen = walk.both("asset", target, SUBRESOURCE)
            coded += seen.through.get(b"content-encoding") is not None
            walk.check(target, EVERY_ANSWER, seen, ("differs", seen.direct.body == seen.through.body))
        walk.done()
        assert coded > 100
        serve = walk.serving
    visits = stored(serve.store, "page.visit")
    times = Counter(str(visit["params"]["uri"]) for visit in visits)  # type: ignore[index]
    expected = Counter(f"http://shop.example{target.decode()}" for target in [b"/index.html", *pages])
    assert times == expected
    assert [visit["id"] for visit in visits] == ids
    assert len({(visit["uuid"], visit["session"]) for visit in visits}) == 1
    assert {visit["params"]["status"] for visit in visits} == {200}  # type: ignore[index]
    assert next(event["action"] for event in stored(serve.store)) == "session.start"
    assert outcomes(serve.store) == dict(walk.counted)
    assert sum(walk.counted.values()) == len(pages) + len(assets) + 1
    assert integrity(serve.store) == "ok"
    assert serve.lines("Traceback") == []


SOME_PAGES = [
    b"/index.html",
    b"/library/os.html",
    b"/howto/regex.html",
    b"/whatsnew/3.11.html",
    b"/tutorial/index.html",
]
SOME_ASSETS = [b"/searchindex.js", b"/_static/pydoctheme.css", b"/objects.inv", b"/_sources/library/os.rst.txt"]


def since(answer: Answer) -> tuple[bytes, bytes]:
    return b"If-Modified-Since", answer.all(b"last-modified")[0]


def test_not_modified_goes_the_whole_way_with_our_entity_tag(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        walk.proxy.navigate(b"/index.html")
        walk.counted["visit"] += 1
        for target in SOME_PAGES:
            first = walk.both("visit", target, NAVIGATION)
            ours, theirs = first.through.get(b"etag"), first.direct.get(b"etag")
            assert ours is not None and ours.startswith(b'W/"')
            if theirs is None:  # our entity tag stands for the Last-Modified
                direct = walk.nginx.navigate(target, since(first.direct))
            else:
                direct = walk.nginx.navigate(target, (b"If-None-Match", theirs))
            through = walk.proxy.navigate(target, (b"If-None-Match", ours))
            walk.counted["visit"] += 1
            rules = {name: rule for name, rule in TAGGED_ANSWER.items() if name != b"content-length"}
            walk.check(target, rules, Seen(direct, through), ("is no 304", through.status == 304))
            # Ours among others, as a cache may send them: it is the one that is asked for; and ours changed.
            several = b'"other", %b, W/"more"' % ours
            assert walk.proxy.navigate(target, (b"If-None-Match", several)).status == 304
            changed = ours.replace(b'W/"', b'W/"1')
            assert walk.proxy.navigate(target, (b"If-None-Match", changed)).status == 200
            walk.counted["visit"] += 2
            # Conditionals that do not carry our suffix would revive an untagged copy.
            for condition in [
                since(first.direct),
                *([(b"If-None-Match", theirs)] if theirs else []),
                (b"If-None-Match", b"*"),
            ]:
                answer = walk.proxy.navigate(target, condition)
                assert (answer.status, untagged(decoded(answer))[1] is None) == (200, False), (target, condition)
                walk.counted["visit"] += 1
        stranger = Visitor(walk.serving.port)
        ours = walk.proxy.navigate(b"/index.html").all(b"etag")[0]
        answer = stranger.navigate(b"/index.html", (b"If-None-Match", ours))
        assert answer.status == 200 and untagged(answer.body)[1] and stranger.cookies
        walk.counted["visit"] += 2
        for target in SOME_ASSETS:
            first = walk.both("asset", target, SUBRESOURCE)
            for condition in [(b"If-None-Match", first.direct.all(b"etag")[0]), since(first.direct)]:
                seen = walk.both("asset", target, SUBRESOURCE, condition)
                walk.check(target, EVERY_ANSWER, seen, ("is no 304", seen.through.status == 304))
        walk.done()
    assert outcomes(walk.serving.store) == dict(walk.counted)
    assert len(stored(walk.serving.store, "page.visit")) == walk.counted["visit"]


def test_head_is_the_head_that_get_has(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        for target in SOME_PAGES:
            seen = walk.both("head_or_other", target, NAVIGATION, method=b"HEAD")
            walk.check(target, TAGGED_HEAD, seen, ("has a body", seen.through.body == b""))
        for target in SOME_ASSETS:
            seen = walk.both("head_or_other", target, SUBRESOURCE, method=b"HEAD")
            walk.check(target, EVERY_ANSWER, seen)
        walk.done()
        assert b"footfall" not in walk.proxy.cookies
    assert outcomes(walk.serving.store) == dict(walk.counted)
    assert stored(walk.serving.store) == []


def test_ranges_of_files_pass_and_pages_are_whole(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        for target in SOME_ASSETS:
            # nginx cannot cut what it compresses
            identity = [pair if pair[0] != b"Accept-Encoding" else (pair[0], b"identity") for pair in SUBRESOURCE]
            whole = walk.both("asset", target, identity)
            entity, total = whole.direct.all(b"etag")[0], len(whole.direct.body)
            for asked, expected in [
                (b"bytes=0-99", 206),
                (b"bytes=100-", 206),
                (b"bytes=-7", 206),
                (b"bytes=%d-" % total, 416),
                (b"bytes=x", 416),
            ]:
                seen = walk.both("asset", target, identity, (b"Range", asked))
                same = seen.direct.body == seen.through.body
                walk.check(target, EVERY_ANSWER, seen, ("differs", same), ("status", seen.through.status == expected))
            for condition, expected in ((entity, 206), (b'"other"', 200)):
                seen = walk.both("asset", target, identity, (b"Range", b"bytes=5-9"), (b"If-Range", condition))
                same = seen.direct.body == seen.through.body
                walk.check(target, EVERY_ANSWER, seen, ("differs", same), ("status", seen.through.status == expected))
            # The boundary of several ranges is nginx's counter, so it differs from one answer to the next.
            parts = walk.both("asset", target, identity, (b"Range", b"bytes=0-4,10-14"))
            for side in (parts.direct, parts.through):
                kind = side.all(b"content-type")[0]
                boundary = kind.partition(b"boundary=")[2]
                assert boundary and side.status == 206
                side.body = side.body.replace(boundary, b"-")
                side.fields = [(name, value.replace(boundary, b"-")) for name, value in side.fields]
            walk.check(target, EVERY_ANSWER, parts, ("differs", parts.direct.body == parts.through.body))
        # A page whose path is known to be HTML is sent whole, whatever part was asked for (C2).
        walk.both("visit", b"/howto/regex.html", NAVIGATION)
        answer = walk.proxy.navigate(b"/howto/regex.html", (b"Range", b"bytes=0-99"))
        assert answer.status == 200 and untagged(answer.body)[1] is not None
        walk.counted["visit"] += 1
        # Before that a part is a part, and untouched.
        seen = walk.both("asset", b"/howto/sockets.html", NAVIGATION, (b"Range", b"bytes=0-99"))
        walk.check(b"/howto/sockets.html", EVERY_ANSWER, seen, ("differs", seen.direct.body == seen.through.body))
        walk.done()
    assert outcomes(walk.serving.store) == dict(walk.counted)


def test_redirects_missing_pages_and_other_methods_are_nginxs_own(tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        walk.both("visit", b"/index.html", NAVIGATION)
        seen = walk.both("redirect", b"/library", NAVIGATION)
        walk.check(b"/library", EVERY_ANSWER, seen, ("location", seen.through.get(b"location") == b"/library/"))
        for target, status in ((b"/none.html", 404), (b"/%2e%2e/%2e%2e/etc/passwd", 400)):
            seen = walk.both("visit", target, NAVIGATION)
            body, page_id = untagged(seen.through.body)
            seen.tag = b"x" * (len(seen.through.body) - len(body))
            truths = (
                ("status", seen.through.status == status),
                ("body", body == seen.direct.body),
                ("tag", bool(page_id)),
            )
            walk.check(target, TAGGED_ANSWER, seen, *truths)
        posted = walk.both("visit", b"/index.html", NAVIGATION, method=b"POST")
        assert posted.direct.status == posted.through.status == 405
        seen = walk.both("head_or_other", b"/index.html", NAVIGATION, method=b"OPTIONS")
        assert seen.direct.status == seen.through.status == 405 and seen.direct.body == seen.through.body
        # The same page, fetched by a script: untouched but for what keeps it out of shared caches.
        cors = [pair for pair in SUBRESOURCE if pair[0] not in (b"Sec-Fetch-Mode", b"Sec-Fetch-Dest")]
        cors += [(b"Sec-Fetch-Mode", b"cors"), (b"Sec-Fetch-Dest", b"empty")]
        for target in SOME_PAGES:
            seen = walk.both("fragment", target, cors)
            walk.check(target, PRIVATE_ANSWER, seen, ("differs", seen.direct.body == seen.through.body))
        walk.done()
    visits = stored(walk.serving.store, "page.visit")
    assert [visit["params"]["status"] for visit in visits] == [200, 404, 400, 405]  # type: ignore[index]
    assert outcomes(walk.serving.store) == dict(walk.counted)


def test_the_same_crawl_by_eight_browsers_at_once_counts_each_page_once_for_each(tmp_path: Path) -> None:
    pages = targets()[0][:120]
    conf = {"http": HTTP_CONF, "server": SERVER_CONF % DOCS}
    with nginx(tmp_path / "nginx", **conf) as port, serving(tmp_path, port, workers=2) as served:
        browsers = [Visitor(served.port) for _ in range(8)]
        for browser in browsers:
            browser.navigate(b"/index.html")
        started = time.monotonic()
        for target in pages:
            for browser in browsers:
                assert untagged(decoded(browser.navigate(target)))[1] is not None
        assert time.monotonic() - started < 60
    visits = stored(served.store, "page.visit")
    times = Counter((visit["uuid"], visit["params"]["uri"]) for visit in visits)  # type: ignore[index]
    assert len(times) == 8 * len({b"/index.html", *pages})
    assert outcomes(served.store) == {"visit": 8 * (len(pages) + 1)}
    assert len({visit["session"] for visit in visits}) == len({visit["uuid"] for visit in visits}) == 8
