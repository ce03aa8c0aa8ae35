"""VISITS.md over real sockets, row by row: what each request is counted as, and what is done about it.

Sections 1 and 2 as tables, section 3's cookie over the years, section 4's signals, section 6's last byte. The rules
themselves are unit tests (test_eligibility, test_identity, test_cookie); here they have come together.
"""

import base64
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from shops import FIREFOX, TAG, Shop, site, told
from wire import TOKEN, Answer, Served, Wire, always, eventually, origin, serving

from proxy.app import Footfall
from proxy.config import Config
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.upstream import Upstream
from proxy.store.sqlite.writer import SqliteWriter
from proxy.tables import Consent, Inject, Session, Store, Tracking, Visitor
from proxy.tables import Site as SiteTable
from proxy.visitors.cookie import CookieSigner, Key
from proxy.visitors.ids import PageIds, bot_id, parse_uuid, text_of
from proxy.visitors.times import DAY_MS

KEY, NEXT_KEY = Key(1, b"k" * 32), Key(2, b"n" * 32)
TODAY = 20_000
NOW = TODAY * DAY_MS + 12_345_678
HOLD_MS = 10_000
CRAWLER = b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
WHOLE = b"<!doctype html><html><head><title>Shop</title></head><body>%b</body></html>"
CACHED = b"public, max-age=60, s-maxage=600"
LARGE = 40_000

Fields = tuple[tuple[bytes, bytes], ...]
ACCEPT = (b"accept", b"text/html")
NAVIGATE: Fields = (ACCEPT, (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))
FRAME: Fields = (ACCEPT, (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"iframe"))
SCRIPT: Fields = ((b"accept", b"*/*"), (b"sec-fetch-mode", b"cors"), (b"sec-fetch-dest", b"empty"))
PREFETCH: Fields = (*NAVIGATE, (b"sec-purpose", b"prefetch"))
CURL: Fields = ((b"accept", b"*/*"),)
FROM_BANK: Fields = (*NAVIGATE, (b"sec-fetch-site", b"cross-site"))
GPC, DNT = (b"sec-gpc", b"1"), (b"dnt", b"1")


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """A page everywhere, with an entity tag that is honoured; `/moved`, `/style.css`, `/large` and `/paper` are not."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    path, asked = scope["path"], dict(scope["headers"])
    status, kind, body = 200, b"text/html", WHOLE % path.encode()
    headers = [(b"etag", b'"v1"'), (b"cache-control", CACHED)]
    if path == "/moved":
        status, headers = 302, [*headers, (b"location", b"/")]
    elif path == "/style.css":
        kind = b"text/css"
    elif path == "/paper":
        headers = [*headers, (b"content-disposition", b"attachment")]
    elif path == "/large":
        body = WHOLE % (b"x" * LARGE)
    if asked.get(b"if-none-match") == b'"v1"':
        status, body = 304, b""
    headers += [(b"content-type", kind)] if status != 304 else []
    headers += [(b"content-length", b"%d" % len(body))] if status != 304 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class There(Shop):
    """A shop whose keys and clock are the test's."""

    def ask(self, method: bytes, path: bytes, fields: Fields) -> Answer:
        """A request of a browser with the shop's cookie; `user-agent` among the fields is instead of Firefox."""
        head = [(b"host", b"shop.example"), *fields]
        if all(name != b"user-agent" for name, _ in fields):
            head.append((b"user-agent", FIREFOX))
        if self.cookie:
            head.append((b"cookie", self.cookie))
        if method == b"POST":
            head.append((b"content-length", b"0"))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in head)
        return self.served.ask(b"%b %b HTTP/1.1\r\n%b\r\n" % (method, path, lines), method.decode("ascii"))

    def keeps(self, answer: Answer) -> None:
        """As a browser keeps a cookie."""
        self.cookie = (answer.get(b"set-cookie") or b"").partition(b";")[0]


@contextlib.contextmanager
def there(config: Config, app: Any = pages, *, clock: Callable[[], int] = lambda: NOW, keys: Any = (KEY,)) -> Any:
    if config.store.hold_ms == Store().hold_ms:  # what is asked here is not how busy this machine is
        config = replace(config, store=replace(config.store, hold_ms=HOLD_MS))
    with serving(Footfall(app, config, clock_ms=clock, keys=keys)) as served:
        yield There(served, config)


def flags_of(answer: Answer) -> int | None:
    """The flags in the tag's page id; None without a tag."""
    found = TAG.findall(answer.body)
    assert len(found) <= 1
    return base64.urlsafe_b64decode(found[0] + b"=")[17] if found else None


def uuid_of(set_cookie: bytes) -> str:
    value = set_cookie.partition(b";")[0].partition(b"=")[2]
    identity = CookieSigner((KEY,)).read([value], NOW)
    assert identity is not None
    return text_of(identity.uuid)


# Sections 1 and 2 ----------------------------------------------------------------------------------------------------

COUNTED, VISITOR_NEW, ASLEEP = 1, 2, 4
NOTHING, NEW, EXPIRED = "nothing", "new", "expired"


@dataclass(frozen=True)
class Row:
    """A request, and what VISITS.md says of it: what it is counted as; the flags of its tag, None for none; the lane
    of its event, '' for none; what becomes of the cookie; whether its head says that it is nobody else's."""

    name: str
    outcome: str
    tag: int | None = None
    lane: str = ""
    cookie: str = NOTHING
    private: bool = False
    fields: Fields = NAVIGATE
    method: bytes = b"GET"
    path: bytes = b"/page"
    knows: bool = False
    status: int = 200
    consent: Consent = Consent()


KNOWN_AGAIN = (b"if-none-match", b'W/"v1~ff"')
ROWS = [
    Row("visit, valid cookie", "visit", COUNTED, "person", private=True, knows=True),
    Row("visit, no cookie", "visit", COUNTED | VISITOR_NEW, "unproven", NEW, True),
    Row("visit, POST", "visit", COUNTED | VISITOR_NEW, "unproven", NEW, True, method=b"POST"),
    Row(
        "visit, POST from another site, no cookie",
        "visit",
        COUNTED | VISITOR_NEW,
        "unproven",
        private=True,
        fields=FROM_BANK,
        method=b"POST",
    ),
    Row(
        "visit, POST from another site, valid cookie",
        "visit",
        COUNTED,
        "person",
        private=True,
        fields=FROM_BANK,
        method=b"POST",
        knows=True,
    ),
    Row("visit, 304", "visit", None, "person", private=True, fields=(*NAVIGATE, KNOWN_AGAIN), knows=True, status=304),
    Row("opt-in, not asked", "opted_out", ASLEEP | VISITOR_NEW, private=True, consent=Consent(mode="opt-in")),
    Row("prefetch", "prefetch", VISITOR_NEW, private=True, fields=PREFETCH),
    Row("prefetch, valid cookie", "prefetch", 0, private=True, fields=PREFETCH, knows=True),
    Row("prefetch of a crawler", "prefetch", private=True, fields=(*PREFETCH, (b"user-agent", CRAWLER))),
    Row("prefetch of an excluded page", "prefetch", private=True, fields=PREFETCH, path=b"/admin/x"),
    Row("prefetch of somebody who said no", "prefetch", private=True, fields=(*PREFETCH, GPC)),
    Row("bot", "bot", None, "bot", private=True, fields=(*NAVIGATE, (b"user-agent", CRAWLER))),
    Row("bot without a name", "bot", None, "bot", private=True, fields=(*NAVIGATE, (b"user-agent", b""))),
    Row("fragment", "fragment", private=True, fields=SCRIPT),
    Row("frame", "frame", private=True, fields=FRAME),
    Row("frame that is no HTML", "frame", fields=FRAME, path=b"/style.css"),
    Row("frame of an attachment", "frame", fields=FRAME, path=b"/paper"),
    Row("asset", "asset", path=b"/style.css"),
    Row("attachment", "asset", path=b"/paper"),
    Row("redirect", "redirect", path=b"/moved", status=302),
    Row("excluded", "excluded", path=b"/admin/x"),
    Row("opted out", "opted_out", private=True, fields=(*NAVIGATE, GPC)),
    Row("opted out, with a cookie", "opted_out", cookie=EXPIRED, private=True, fields=(*NAVIGATE, GPC), knows=True),
    Row("other HTML", "other_html", private=True, fields=CURL),
    Row("HEAD of a page", "head_or_other", private=True, method=b"HEAD"),
    Row("another method", "head_or_other", method=b"PUT"),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_each_outcome_and_what_is_done_about_it(tmp_path: Path, row: Row) -> None:
    config = Config(base=tmp_path, consent=row.consent, tracking=Tracking(exclude=("/admin/*",)))
    with there(config) as shop:
        before = 0
        if row.knows:
            shop.keeps(shop.ask(b"GET", b"/before", NAVIGATE))
            before = 1
        answer = shop.ask(row.method, row.path, row.fields)
        known = shop.cookie
    assert answer.status == row.status
    assert flags_of(answer) == row.tag
    # Before the store takes anything it has all that it was told: the shop has stopped.
    counted = shop.outcomes()
    counted["visit"] = counted.get("visit", 0) - before
    assert {name: number for name, number in counted.items() if number} == {row.outcome: 1}
    rows = shop.rows()[before:]
    assert [one["lane"] for one in rows] == ([row.lane] if row.lane else [])
    given = answer.all(b"set-cookie")
    if row.cookie == NOTHING:
        assert given == []
    elif row.cookie == EXPIRED:
        assert given == [b"footfall=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"]
        assert [one["params"]["reason"] for one in shop.rows("session.end")] == ["opt_out"]
    else:
        assert [uuid_of(one) for one in given] == [rows[0]["uuid"]]
    if row.lane == "person":
        assert rows[0]["uuid"] == uuid_of(known)
    if row.lane == "bot":
        agent = dict(row.fields)[b"user-agent"].decode()
        assert "session" not in rows[0] and parse_uuid(rows[0]["uuid"]) == bot_id(agent)
    assert (answer.get(b"cache-control") == b"private, max-age=60") is row.private
    assert (answer.get(b"vary") == b"Sec-Fetch-Dest, Sec-Fetch-Mode") is row.private
    if not row.private:
        assert answer.get(b"cache-control") == CACHED
    is_as_tagged = row.tag is not None or row.status == 304 or row.method == b"HEAD"
    if is_as_tagged and row.tag != ASLEEP | VISITOR_NEW:
        assert answer.get(b"etag") == b'W/"v1~ff"' and answer.get(b"x-footfall") == b"tagged"
    if not is_as_tagged:
        assert answer.get(b"etag") == b'"v1"' and answer.get(b"x-footfall") is None


def test_a_page_that_is_the_result_of_a_post_says_so(tmp_path: Path) -> None:
    with there(Config(base=tmp_path)) as shop:
        shop.ask(b"POST", b"/order", NAVIGATE)
        shop.ask(b"GET", b"/page", NAVIGATE)
    assert [row["params"].get("method") for row in shop.rows()] == ["POST", None]


def test_a_page_id_names_its_event_and_when_it_was_issued(tmp_path: Path) -> None:
    with there(Config(base=tmp_path)) as shop:
        answer = shop.ask(b"GET", b"/page", NAVIGATE)
    read = PageIds((KEY.secret,)).read(TAG.findall(answer.body)[0].decode())
    assert read is not None and read.issued_minute == NOW // 60_000
    assert [row["id"] for row in shop.rows()] == [text_of(read.id)]


def test_a_304_repeats_the_head_of_its_200_and_sets_no_cookie(tmp_path: Path) -> None:
    with there(Config(base=tmp_path)) as shop:
        whole = shop.ask(b"GET", b"/page", NAVIGATE)
        shop.keeps(whole)
        again = shop.ask(b"GET", b"/page", (*NAVIGATE, KNOWN_AGAIN))
    beside = {b"content-length", b"content-type", b"set-cookie", b"date", b"transfer-encoding"}
    heads = [[pair for pair in answer.fields if pair[0] not in beside] for answer in (whole, again)]
    assert (whole.status, again.status) == (200, 304) and heads[0] == heads[1]
    assert again.all(b"set-cookie") == []


def test_without_the_tag_visits_are_counted_all_the_same(tmp_path: Path) -> None:
    with there(Config(base=tmp_path, inject=Inject(enabled=False))) as shop:
        answer = shop.ask(b"GET", b"/page", NAVIGATE)
    assert flags_of(answer) is None and answer.get(b"etag") == b'"v1"'
    assert [row["lane"] for row in shop.rows()] == ["unproven"]


@pytest.mark.parametrize(("visits", "sessions"), [(False, True), (True, False)])
def test_what_is_automatic_can_be_switched_off(tmp_path: Path, visits: bool, sessions: bool) -> None:
    with there(Config(base=tmp_path, tracking=Tracking(visits=visits, sessions=sessions))) as shop:
        answer = shop.ask(b"GET", b"/page", NAVIGATE)
    assert [row["action"] for row in shop.rows(None)] == (["page.visit"] if visits else [])
    if not visits:
        assert (flags_of(answer), answer.get(b"set-cookie"), answer.get(b"cache-control")) == (None, None, CACHED)


@pytest.mark.parametrize(
    ("lengths", "gaps", "starts"),
    [
        (Session(), (29, 30), 2),
        (Session(timeout_minutes=2), (1, 2), 2),
        (Session(timeout_minutes=40, max_hours=1), (35, 35), 2),
    ],
)
def test_sessions_are_as_long_as_is_configured(
    tmp_path: Path, lengths: Session, gaps: tuple[int, ...], starts: int
) -> None:
    at = 0
    with there(Config(base=tmp_path, session=lengths), clock=lambda: NOW + at * 60_000) as shop:
        shop.keeps(shop.ask(b"GET", b"/page", NAVIGATE))
        for gap in gaps:
            at += gap
            shop.ask(b"GET", b"/page", NAVIGATE)
    sessions = [row["session"] for row in shop.rows()]
    assert sessions[0] == sessions[1] and len(set(sessions)) == starts == len(shop.rows("session.start"))


# Rows 1 to 5: what has no answer of the site -------------------------------------------------------------------------

UPGRADE: Fields = (
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)
WEBSOCKET: Fields = (*UPGRADE, (b"sec-websocket-version", b"13"))
NEWER: Fields = (*UPGRADE, (b"sec-websocket-version", b"99"))
BODY = b"<!doctype html><title>a</title><p>b</p>"
PAGE_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


@contextlib.contextmanager
def proxied(folder: Path, url: str, trusted: tuple[str, ...] = (), **changes: Any) -> Iterator[There]:
    """Gate, tracking and forwarder before an upstream, put together as `run_worker` does."""
    config = Config(base=folder, site=SiteTable(trusted_proxies=trusted), **changes)
    upstream = Upstream(url)
    footfall = Footfall(Forwarder(upstream, via_token=TOKEN), config, clock_ms=lambda: NOW, keys=(KEY,))
    gate = Gate(
        footfall,
        prefix=b"/_footfall",
        via_token=TOKEN,
        trusted_proxies=config.site.trusted_networks,
        refused=footfall.count_refused,
    )
    with serving(gate) as served:
        yield There(Served(served.port, [], upstream), config)


# Each row is the first of those that match: the name says which others do.
ANSWERED = [
    ("own, though malformed", b"TRACE", b"/_footfall/t.js", NAVIGATE, 405, ""),
    ("own, though nothing is there", b"POST", b"/_footfall/none", NAVIGATE, 404, ""),
    ("own, though a handshake", b"GET", b"/_footfall/none", WEBSOCKET, 404, ""),
    ("refused, another method", b"TRACE", b"/page", NAVIGATE, 405, "refused"),
    ("refused, a prefetch", b"GET", b"/%5ffootfall/t.js", PREFETCH, 404, "refused"),
    ("refused, a handshake of a version to come", b"GET", b"/page", NEWER, 426, "refused"),
    ("websocket, no answer", b"GET", b"/silent", WEBSOCKET, 502, "websocket"),
    ("websocket, a page for an answer", b"GET", b"/page", (*WEBSOCKET, *NAVIGATE), 200, "websocket"),
    ("failed, another method", b"PUT", b"/silent", NAVIGATE, 502, "failed"),
    ("failed, a prefetch", b"GET", b"/silent", PREFETCH, 502, "failed"),
    ("failed, a crawler", b"GET", b"/silent", (*NAVIGATE, (b"user-agent", CRAWLER)), 502, "failed"),
]


@pytest.mark.parametrize(("name", "method", "path", "fields", "status", "outcome"), ANSWERED, ids=lambda one: str(one))
def test_what_has_no_answer_of_the_site_is_counted_as_the_first_row_that_matches(
    tmp_path: Path, name: str, method: bytes, path: bytes, fields: Fields, status: int, outcome: str
) -> None:
    def handle(wire: Wire, seen: Any) -> bool:
        if b"/silent" not in seen.line:
            wire.send(PAGE_ANSWER)
        return b"/silent" not in seen.line

    with origin(handle) as behind, proxied(tmp_path, behind.url) as shop:
        assert shop.ask(method, path, fields).status == status
        if outcome in ("", "refused"):
            assert behind.seen == []  # it was not proxied
    assert shop.outcomes() == ({outcome: 1} if outcome else {})
    assert shop.rows(None) == []


@pytest.mark.parametrize(
    ("method", "fields", "outcome"),
    [
        (b"GET", NAVIGATE, "aborted"),
        (b"PUT", NAVIGATE, "aborted"),
        (b"GET", PREFETCH, "aborted"),
        (b"GET", WEBSOCKET, "websocket"),
    ],
)
def test_who_leaves_before_the_answer_is_counted_as_gone(
    tmp_path: Path, method: bytes, fields: Fields, outcome: str
) -> None:
    with origin(lambda wire, seen: not wire.is_closed()) as behind, proxied(tmp_path, behind.url) as shop:
        wire = shop.served.connect()
        lines = b"".join(b"%b: %b\r\n" % pair for pair in ((b"host", b"shop.example"), *fields))
        wire.send(b"%b /page HTTP/1.1\r\n%b\r\n" % (method, lines))
        assert eventually(lambda: behind.seen)
        wire.close()
        assert eventually(lambda: behind.live == 0)
    assert shop.outcomes() == {outcome: 1}
    assert shop.rows(None) == []


FORWARDED: Fields = ((b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"public.example"))


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1/32",)])
def test_the_public_origin_is_a_trusted_fronts_word_and_nobody_elses(tmp_path: Path, trusted: tuple[str, ...]) -> None:
    with origin(always(PAGE_ANSWER)) as behind, proxied(tmp_path, behind.url, trusted) as shop:
        answer = shop.ask(b"GET", b"/page?a=1", (*NAVIGATE, *FORWARDED))
    uri, name = ("https://public.example", b"__Host-footfall=") if trusted else ("http://shop.example", b"footfall=")
    assert [row["params"]["uri"] for row in shop.rows()] == [f"{uri}/page?a=1"]
    assert (answer.get(b"set-cookie") or b"").startswith(name)


def test_the_configured_public_origin_is_that_of_every_request(tmp_path: Path) -> None:
    config = Config(base=tmp_path, site=SiteTable(public_origin="https://www.shop.example"))
    with there(config) as shop:
        answer = shop.ask(b"GET", b"/page", (*NAVIGATE, *FORWARDED))
    assert [row["params"]["uri"] for row in shop.rows()] == ["https://www.shop.example/page"]
    assert (answer.get(b"set-cookie") or b"").startswith(b"__Host-footfall=")


# Section 3: the cookie over the years --------------------------------------------------------------------------------


def issued(answer: Answer, *keys: Key) -> tuple[str, int, bool, int]:
    """Of the cookie that an answer sets: whose, its issue day, whether by a retired key, its Max-Age in days."""
    field = answer.get(b"set-cookie") or b""
    value = field.partition(b";")[0].partition(b"=")[2]
    identity = CookieSigner(keys).read([value], NOW + 400 * DAY_MS) or CookieSigner(keys).read([value], NOW)
    assert identity is not None
    age = int(field.partition(b"Max-Age=")[2].partition(b";")[0])
    return text_of(identity.uuid), identity.issued_day, identity.stale, age // 86_400


@pytest.mark.parametrize("renew", [False, True])
def test_a_cookie_lives_395_days_from_its_first_issue_and_longer_only_where_it_is_renewed(
    tmp_path: Path, renew: bool
) -> None:
    days = 0
    with there(Config(base=tmp_path, visitor=Visitor(renew=renew)), clock=lambda: NOW + days * DAY_MS) as shop:
        first = shop.ask(b"GET", b"/page", NAVIGATE)
        whose = issued(first, KEY)
        assert whose[1:] == (TODAY, False, 395)
        shop.keeps(first)
        assert shop.ask(b"GET", b"/page", NAVIGATE).all(b"set-cookie") == []  # also where it is renewed: once a day
        days = 394
        again = shop.ask(b"GET", b"/page", NAVIGATE)
        assert again.all(b"set-cookie") == ([again.get(b"set-cookie")] if renew else [])
        if renew:
            assert issued(again, KEY) == (whose[0], TODAY + 394, False, 395)
        days = 395
        assert issued(shop.ask(b"GET", b"/page", NAVIGATE), KEY)[0] != whose[0]
    assert [row["uuid"] == whose[0] for row in shop.rows()] == [True, True, True, False]


def test_after_a_rotation_a_page_signs_the_cookie_again_with_its_day_and_a_304_does_not(tmp_path: Path) -> None:
    old = CookieSigner((KEY,)).value(bytes(15) + b"\1", TODAY - 100)
    with there(Config(base=tmp_path), keys=(NEXT_KEY, KEY)) as shop:
        shop.cookie = b"footfall=" + old
        answer = shop.ask(b"GET", b"/page", NAVIGATE)
        assert issued(answer, NEXT_KEY) == (text_of(bytes(15) + b"\1"), TODAY - 100, False, 295)
        # A 304 could not bring the new one, so it is not asked for (section 2: such a cookie is not valid there).
        assert shop.ask(b"GET", b"/page", (*NAVIGATE, KNOWN_AGAIN)).status == 200
        shop.keeps(answer)
        assert shop.ask(b"GET", b"/page", (*NAVIGATE, KNOWN_AGAIN)).status == 304
    assert {row["uuid"] for row in shop.rows()} == {text_of(bytes(15) + b"\1")}


def test_the_cookies_name_and_its_life_are_the_configured_ones(tmp_path: Path) -> None:
    with there(Config(base=tmp_path, visitor=Visitor(cookie="walk", max_age_days=10))) as shop:
        given = shop.ask(b"GET", b"/page", NAVIGATE).get(b"set-cookie") or b""
    assert given.startswith(b"walk=") and b"; Max-Age=864000;" in given


def test_a_retired_key_verifies_for_395_days_and_one_that_was_taken_out_never(tmp_path: Path) -> None:
    cookie = b"footfall=" + CookieSigner((KEY,)).value(bytes(15) + b"\1", TODAY)
    for keys, days, known in (((NEXT_KEY, KEY), 394, True), ((NEXT_KEY, KEY), 395, False), ((NEXT_KEY,), 1, False)):
        with there(Config(base=tmp_path), clock=lambda: NOW + days * DAY_MS, keys=keys) as shop:  # noqa: B023
            shop.cookie = cookie
            assert (issued(shop.ask(b"GET", b"/page", NAVIGATE), NEXT_KEY)[0] == text_of(bytes(15) + b"\1")) is known


# Section 4 -----------------------------------------------------------------------------------------------------------

IN, OUT = b"footfall_consent=in", b"footfall_consent=out"
AWAKE, SLEEPING = COUNTED | VISITOR_NEW, ASLEEP | VISITOR_NEW
OPT_IN = Consent(mode="opt-in")
SIGNALS: list[tuple[Consent, Fields, bytes, int | None]] = [
    (Consent(), (), b"", AWAKE),
    (Consent(), (GPC,), b"", None),
    (Consent(), (GPC,), IN, None),
    (Consent(), ((b"sec-gpc", b"0"),), b"", AWAKE),
    (Consent(gpc=False), (GPC,), b"", AWAKE),
    (Consent(), (DNT,), b"", AWAKE),
    (Consent(dnt=True), (DNT,), b"", None),
    (Consent(dnt=True), ((b"dnt", b"0"),), b"", AWAKE),
    (Consent(), (), OUT, None),
    (Consent(), (), IN, AWAKE),
    (OPT_IN, (), b"", SLEEPING),
    (OPT_IN, (), IN, AWAKE),
    (OPT_IN, (), OUT, SLEEPING),
    (OPT_IN, (GPC,), IN, None),
    (OPT_IN, (GPC,), b"", None),
    (replace(OPT_IN, gpc=False), (GPC,), IN, AWAKE),
    (replace(OPT_IN, dnt=True), (DNT,), IN, None),
]


@pytest.mark.parametrize(("consent", "fields", "cookie", "tag"), SIGNALS)
def test_who_is_tracked_and_who_is_not(
    tmp_path: Path, consent: Consent, fields: Fields, cookie: bytes, tag: int | None
) -> None:
    with there(Config(base=tmp_path, consent=consent)) as shop:
        shop.cookie = cookie
        answer = shop.ask(b"GET", b"/page", (*NAVIGATE, *fields))
    tracked = tag == AWAKE
    assert flags_of(answer) == tag
    assert [row["lane"] for row in shop.rows()] == (["unproven"] if tracked else [])
    assert len(answer.all(b"set-cookie")) == tracked
    assert shop.outcomes() == {"visit" if tracked else "opted_out": 1}


# Section 6 -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def stuck(store: Path) -> Iterator[None]:
    """Somebody else is writing, and does not come to an end."""
    with contextlib.closing(sqlite3.connect(store, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize(("path", "early"), [(b"/page", 0), (b"/large", LARGE)])
def test_the_last_byte_of_a_page_waits_for_its_commit(tmp_path: Path, path: bytes, early: int) -> None:
    with there(Config(base=tmp_path, store=Store(hold_ms=20_000))) as shop:
        shop.keeps(shop.ask(b"GET", b"/before", NAVIGATE))
        wire = shop.served.connect()
        with stuck(shop.config.store_path):
            wire.send(b"GET %b HTTP/1.1\r\nhost: shop.example\r\nuser-agent: %b\r\n" % (path, FIREFOX))
            wire.send(b"".join(b"%b: %b\r\n" % pair for pair in NAVIGATE) + b"\r\n")
            if early:  # a long page comes at once, but for its end
                head = wire.until(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
                body = wire.exactly(length - 1)
                assert len(body) == length - 1 > early
            wire.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                wire.sock.recv(1)
            assert len(shop.rows()) == 1
        wire.sock.settimeout(10)
        assert (wire.exactly(1) == b">") if early else wire.answer().whole
        assert [row["params"]["uri"] for row in shop.rows()][1:] == [f"http://shop.example{path.decode()}"]
        wire.close()


def test_the_head_of_a_304_waits_for_its_commit(tmp_path: Path) -> None:
    with there(Config(base=tmp_path, store=Store(hold_ms=20_000))) as shop:
        shop.keeps(shop.ask(b"GET", b"/page", NAVIGATE))
        wire = shop.served.connect()
        with stuck(shop.config.store_path):
            fields = (*NAVIGATE, KNOWN_AGAIN, (b"cookie", shop.cookie), (b"user-agent", FIREFOX))
            lines = b"".join(b"%b: %b\r\n" % pair for pair in fields)
            wire.send(b"GET /page HTTP/1.1\r\nhost: shop.example\r\n%b\r\n" % lines)
            wire.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                wire.sock.recv(1)
        wire.sock.settimeout(10)
        assert wire.answer().status == 304
        assert [row["params"]["status"] for row in shop.rows()] == [200, 304]
        wire.close()


def test_a_page_waits_for_hold_ms_and_no_longer_and_is_counted_as_let_go(tmp_path: Path) -> None:
    config = Config(base=tmp_path, store=Store(hold_ms=50))
    SqliteWriter(config.store_path, durability="process", rules=None).close()
    with there(config) as shop, stuck(config.store_path):
        assert shop.ask(b"GET", b"/page", NAVIGATE).whole
        assert shop.rows() == []
    assert shop.outcomes() == {"visit": 1, "released_unsaved": 1}
    assert len(shop.rows()) == 1  # it was still queued


# WIRE.md: the prefix and the tag -------------------------------------------------------------------------------------


def test_the_prefix_is_the_configured_one_and_the_shipped_one_is_then_the_sites(tmp_path: Path) -> None:
    with there(Config(base=tmp_path, site=SiteTable(prefix="/-/walk"))) as shop:
        answer = shop.ask(b"GET", b"/page", NAVIGATE)
        assert b'<script async src="/-/walk/t.js?v=' in answer.body
        assert shop.ask(b"GET", b"/-/walk/t.js", ()).get(b"content-type") == b"text/javascript; charset=utf-8"
        assert told(shop.ask(b"GET", b"/-/walk/none", ()))["error"] == "not_found"
        assert shop.ask(b"GET", b"/-/walks", NAVIGATE).get(b"etag") == b'W/"v1~ff"'
        assert shop.ask(b"GET", b"/_footfall/t.js", CURL).get(b"content-type") == b"text/html"


NONCE = b"default-src 'none'; script-src 'nonce-c2VjcmV0'; connect-src 'self'"


@pytest.mark.parametrize(("policy", "nonce"), [(b"", b""), (NONCE, b' nonce="c2VjcmV0"')])
def test_the_tag_to_the_byte(tmp_path: Path, policy: bytes, nonce: bytes) -> None:
    async def with_policy(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if policy and message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"content-security-policy", policy)]}
            await send(message)

        await site(scope, receive, sending)

    with there(Config(base=tmp_path), with_policy) as shop:
        answer = shop.ask(b"GET", b"/page", NAVIGATE)
        version = shop.ask(b"GET", b"/_footfall/t.js", ()).get(b"etag") or b""
    found = TAG.findall(answer.body)
    tag = b'<script async src="/_footfall/t.js?v=%b" data-page="%b"%b></script>' % (version.strip(b'"'), *found, nonce)
    assert answer.body.count(tag) == answer.body.count(b"<script") == 1
    assert len(version) == 10 and (policy or len(tag) <= 130)
