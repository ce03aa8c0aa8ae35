"""VISITS.md section 2, towards upstream: what the application sees of a request, by what it may become."""

import asyncio
from functools import partial

import pytest

from proxy.asgi import AT_ONCE
from proxy.fieldlist import FieldList
from proxy.intake.recorder import Recorder
from proxy.intake.writing import WritingThread
from proxy.page.paths import Globs
from proxy.tracking.heads import TICK_SECONDS
from proxy.tracking.middleware import TrackingMiddleware
from proxy.tracking.request import TrackedRequest, without_our_cookie
from proxy.tracking.settings import Sites, Tracking
from proxy.visitors.cookie import DAY_MS, CookieSigner, Key
from proxy.visitors.ids import PageIds

NOW = 20_000 * DAY_MS
FIREFOX = (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
CRAWLER = (b"user-agent", b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
NAVIGATE = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))
FRAME = ((b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"iframe"))
SCRIPT = ((b"accept", b"*/*"), (b"sec-fetch-mode", b"cors"), (b"sec-fetch-dest", b"empty"))
PREFETCH = (*NAVIGATE, (b"sec-purpose", b"prefetch"))
DATE = b"Tue, 15 Nov 1994 12:45:26 GMT"
OURS, THEIRS = (b"if-none-match", b'W/"x~ff"'), (b"if-none-match", b'"x"')
SINCE = (b"if-modified-since", DATE)
SIGNER = CookieSigner((Key(1, b"s" * 32),))
COOKIE = (b"cookie", b"a=1; footfall=" + SIGNER.value(bytes(16), 20_000))
FORGED = (b"cookie", b"a=1; footfall=AAAAAAAAAAAAAAAAAAAAAAAAAAA.x")


def tracking(**changes) -> Tracking:
    recorder = Recorder(
        partial(WritingThread, lambda: None), clock_ms=lambda: NOW, queue_events=1, hold_ms=1
    )  # never started
    return Tracking(
        recorder,
        SIGNER,
        PageIds((b"s" * 32,)),
        lambda: NOW,
        Sites(b"/_footfall", b"/_footfall/t.js?v=1"),
        public_origin="",
        exclude=Globs(("/admin/*",)),
        **changes,
    )


def seen(headers, *, method="GET", path=b"/", of=None) -> list[tuple[bytes, bytes]]:
    """What the application gets of these fields."""
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": b"",
        "headers": [(b"host", b"shop.example"), *headers],
    }
    before = list(scope["headers"])
    request = TrackedRequest(of or tracking(), scope)
    assert scope["headers"] == before, "somebody else's scope was changed"
    return request.scope["headers"][1:]


def test_f7_a_request_that_cannot_be_read_is_rid_of_our_cookie_all_the_same():
    headers = [(b"host", b"shop.example"), COOKIE, (b"x", b"1"), (b"cookie", b"b=2")]
    scope = {"type": "http", "headers": headers}
    assert without_our_cookie(tracking(), scope)["headers"] == [headers[0], (b"cookie", b"a=1; b=2"), headers[2]]
    assert scope["headers"] is headers and len(headers) == 4
    others = {"type": "http", "headers": [(b"cookie", b"a=1")]}
    assert without_our_cookie(tracking(), others) is others


def test_an_application_of_others_may_make_tasks_of_what_it_sends():
    sent, page = [], b"<!doctype html><html><head><title>a</title></head></html>"
    fields = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(page))]

    async def app(scope, receive, send):
        await asyncio.create_task(send({"type": "http.response.start", "status": 200, "headers": fields}))
        await asyncio.create_task(send({"type": "http.response.body", "body": page}))

    async def keep(message):
        sent.append(message)

    headers = [(b"host", b"shop.example"), FIREFOX, *NAVIGATE, COOKIE]
    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "raw_path": b"/", "headers": headers}
    asyncio.run(TrackingMiddleware(app, tracking())(scope, None, keep))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert b"data-page=" in sent[1]["body"]


# what asks, with which cookie, the conditionals that it sends, those that reach upstream
CONDITIONALS = [
    # a visit with a valid cookie: kept only with our suffix, and mapped back
    (NAVIGATE, COOKIE, [OURS], [THEIRS]),
    (NAVIGATE, COOKIE, [(b"if-none-match", b'W/"x~ffw"')], [(b"if-none-match", b'W/"x"')]),
    (NAVIGATE, COOKIE, [(b"if-none-match", b'W/"lm-784903526~ff"')], [SINCE]),
    (NAVIGATE, COOKIE, [THEIRS], []),
    (NAVIGATE, COOKIE, [SINCE], []),
    (NAVIGATE, COOKIE, [THEIRS, SINCE], []),
    # a visit without one: dropped, since a 304 would leave an untagged copy without cookie
    (NAVIGATE, None, [OURS], []),
    (NAVIGATE, None, [THEIRS, SINCE], []),
    (NAVIGATE, FORGED, [OURS], []),
    # a prefetch is dropped as such a visit
    (PREFETCH, None, [THEIRS, SINCE], []),
    (PREFETCH, None, [OURS], []),
    # everything else is untouched; what carries our suffix is upstream's own all the same
    (FRAME, COOKIE, [THEIRS, SINCE], [THEIRS, SINCE]),
    (SCRIPT, COOKIE, [THEIRS, SINCE], [THEIRS, SINCE]),
    (SCRIPT, COOKIE, [OURS], [THEIRS]),
    (SCRIPT, None, [(b"if-match", b'W/"x~ff"')], [(b"if-match", b'"x"')]),
    ((*NAVIGATE, (b"sec-gpc", b"1")), None, [THEIRS, SINCE], [THEIRS, SINCE]),
]


@pytest.mark.parametrize(("kind", "cookie", "sent", "reaching"), CONDITIONALS)
def test_c1_conditionals_by_what_a_request_may_become(kind, cookie, sent, reaching):
    fields = [FIREFOX, *kind, *([cookie] if cookie else []), *sent]
    got = seen(fields)
    assert [pair for pair in got if pair[0].startswith(b"if-")] == reaching


UNTOUCHED = [
    ("a crawler", "GET", b"/", (CRAWLER, *NAVIGATE)),
    ("an excluded path", "GET", b"/admin/x", (FIREFOX, *NAVIGATE)),
    ("an upload", "PUT", b"/", (FIREFOX, *NAVIGATE)),
    ("an image", "GET", b"/", (FIREFOX, (b"accept", b"image/*"), (b"sec-fetch-mode", b"no-cors"))),
    ("a script", "GET", b"/", (FIREFOX, *SCRIPT)),
    ("curl", "GET", b"/", ((b"user-agent", b"Wget/1.21.4"), (b"accept", b"*/*"))),
]


@pytest.mark.parametrize(("who", "method", "path", "kind"), UNTOUCHED, ids=[row[0] for row in UNTOUCHED])
def test_who_is_not_tracked_asks_upstream_what_it_asked(who, method, path, kind):
    fields = [*kind, THEIRS, SINCE, (b"range", b"bytes=0-9"), (b"accept-encoding", b"br, zstd"), (b"cookie", b"a=1")]
    assert seen(fields, method=method, path=path) == fields


def test_with_visits_switched_off_only_our_cookie_is_cut():
    fields = [FIREFOX, *NAVIGATE, THEIRS, (b"accept-encoding", b"br")]
    assert seen([*fields, COOKIE], of=tracking(visits=False)) == [*fields, (b"cookie", b"a=1")]


def test_c2_a_range_is_dropped_only_where_the_path_last_answered_html():
    ranged = [(b"range", b"bytes=0-9"), (b"if-range", b'"x"')]
    for html, expected in ((None, ranged), (False, ranged), (True, [])):
        of = tracking()
        if html is not None:
            of.known.learn("shop.example", b"/", html)
        got = seen([FIREFOX, *NAVIGATE, *ranged], of=of)
        assert [pair for pair in got if pair in ranged] == expected


COOKIES = [
    ([COOKIE], [(b"cookie", b"a=1")]),
    ([FORGED], [(b"cookie", b"a=1")]),
    ([(b"cookie", b"footfall=x")], []),
    ([(b"cookie", b"__Host-footfall=x; b=2")], [(b"cookie", b"b=2")]),
    ([(b"cookie", b"a=1;  b=\xff; footfall_consent=in")], [(b"cookie", b"a=1;  b=\xff; footfall_consent=in")]),
    ([(b"cookie", b"a=1"), (b"cookie", b"footfall=x"), (b"cookie", b"b=2")], [(b"cookie", b"a=1; b=2")]),
]


@pytest.mark.parametrize("kind", [NAVIGATE, SCRIPT, ()])
@pytest.mark.parametrize(("sent", "reaching"), COOKIES)
def test_f7_our_cookie_reaches_no_upstream(kind, sent, reaching):
    assert [pair for pair in seen([FIREFOX, *kind, *sent]) if pair[0] == b"cookie"] == reaching


# method, fetch site, origin, is it a POST from another site
POSTS = [
    ("POST", b"cross-site", None, True),
    ("POST", b"same-origin", None, False),
    ("POST", b"same-site", None, False),
    ("POST", b"none", b"https://bank.example", False),
    ("POST", None, b"https://bank.example", True),
    ("POST", None, b"null", True),
    ("POST", None, b"http://shop.example", False),
    ("POST", None, b"http://Shop.Example", False),
    ("POST", None, None, False),
    ("GET", b"cross-site", b"https://bank.example", False),
]


@pytest.mark.parametrize(("method", "fetch_site", "origin", "expected"), POSTS)
def test_which_posts_come_from_another_site(method, fetch_site, origin, expected):
    headers = [(b"host", b"shop.example"), FIREFOX, *NAVIGATE]
    headers += [(b"sec-fetch-site", fetch_site)] if fetch_site else []
    headers += [(b"origin", origin)] if origin else []
    scope = {"type": "http", "method": method, "scheme": "http", "path": "/", "raw_path": b"/", "headers": headers}
    assert TrackedRequest(tracking(), scope).is_cross_site_post() is expected


@pytest.mark.parametrize("says_so", [True, False])
def test_a_head_goes_in_time_also_where_the_piece_that_comes_at_once_is_empty(says_so):
    """What is said of the next piece is kept, but there is nothing in it that could take the tag."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("not asked")

    async def application(scope, receive, send):
        head = FieldList({b"content-type": b"text/html; charset=utf-8", b"content-length": b"45"})
        await send(
            {"type": "http.response.start", "status": 200, "headers": head, **({AT_ONCE: True} if says_so else {})}
        )
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        assert not sent
        async with asyncio.timeout(10):
            while not sent:  # noqa: ASYNC110 - it has nothing to wait for but the time
                await asyncio.sleep(TICK_SECONDS)
        await asyncio.sleep(4 * TICK_SECONDS)
        assert [message["type"] for message in sent] == ["http.response.start"]
        assert AT_ONCE not in sent[0] and b"content-length" not in sent[0]["headers"].by_name
        await send({"type": "http.response.body", "body": b"<!doctype html><html><head><title>x</title></head>"[:45]})

    fields = FieldList(dict([(b"host", b"shop.example"), *NAVIGATE, FIREFOX, COOKIE]))
    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "raw_path": b"/", "headers": fields}
    asyncio.run(TrackingMiddleware(application, tracking())(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
