"""The collector over real sockets: what it refuses and how, what it answers, which cookies its 202 sets (WIRE.md)."""

import asyncio
import contextlib
import json
import selectors
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from shops import EVENTS, NEW, SAME, TEXT, Shop, refused, shop, told
from starlette.requests import Request
from wire import Wire, eventually

from proxy.clock import now_ms
from proxy.config import Config
from proxy.events.shipped import SHIPPED
from proxy.events.wire import BODY_MAX_BYTES
from proxy.intake.collector import Collector, Sender
from proxy.intake.identifying import Identifier
from proxy.intake.recorder import Recorder
from proxy.intake.tokens import Tokens
from proxy.intake.writing import WritingThread
from proxy.keys import load_keys
from proxy.store.base import Item, Result
from proxy.store.sqlite.reader import SqliteReader
from proxy.tables import Consent, Site
from proxy.visitors.cookie import CookieSigner, Key
from proxy.visitors.customers import Customers
from proxy.visitors.ids import PageIds, text_of


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """For beacons that leave nothing behind."""
    with shop(Config(base=tmp_path_factory.mktemp("refusing"))) as there:
        yield there


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Shop]:
    with shop(Config(base=tmp_path)) as there:
        yield there


@pytest.fixture
def https(tmp_path: Path) -> Iterator[Shop]:
    """Behind somebody's TLS: the public origin is configured."""
    with shop(Config(base=tmp_path, site=Site(public_origin="https://shop.example"))) as there:
        yield there


# Whole-request refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"])
def test_x1_only_post_is_taken(refusing, method):
    answer = refusing.request(method, EVENTS, [SAME, TEXT])
    assert answer.status == 405
    assert answer.get(b"allow") == b"POST"
    if method != b"HEAD":
        assert refused(answer) == (405, "method")


@pytest.mark.parametrize("path", [b"", b"/", b"/event", b"/events/", b"/events/x", b"/Events", b"//events"])
def test_x1_nothing_else_is_there(refusing, path):
    assert refused(refusing.request(b"POST", b"/_footfall" + path, [SAME, TEXT], b'{"v":1}')) == (404, "not_found")


def test_x5_a_path_that_only_decodes_to_ours_is_not_ours(refusing):
    assert refused(refusing.request(b"POST", b"/_footfall/%65vents", [SAME, TEXT], b'{"v":1}')) == (404, "not_found")


ORIGINS = [
    ([(b"sec-fetch-site", b"same-origin")], True),
    ([(b"sec-fetch-site", b"same-origin"), (b"origin", b"http://shop.example")], True),
    ([(b"sec-fetch-site", b"same-site")], False),
    ([(b"sec-fetch-site", b"cross-site")], False),
    ([(b"sec-fetch-site", b"none")], False),
    ([(b"sec-fetch-site", b"")], False),
    ([(b"sec-fetch-site", b"cross-site"), (b"origin", b"http://shop.example")], False),
    ([(b"origin", b"http://shop.example")], True),
    ([(b"origin", b"HTTP://Shop.Example")], True),
    ([(b"origin", b"https://shop.example")], False),
    ([(b"origin", b"http://shop.example:8080")], False),
    ([(b"origin", b"http://shop.example.evil")], False),
    ([(b"origin", b"http://evil.example")], False),
    ([(b"origin", b"null")], False),
    ([(b"origin", b"")], False),
    ([(b"referer", b"http://shop.example/")], False),
    ([], False),
]


@pytest.mark.parametrize(("fields", "taken"), ORIGINS)
def test_x2_beacons_come_from_the_sites_own_pages(refusing, fields, taken):
    answer = refusing.post({"v": 1}, [*fields, TEXT])
    if taken:
        assert answer.status == 202
    else:
        assert refused(answer) == (403, "cross_origin")


def test_x2_the_origin_is_the_public_one(https):
    assert https.post({"v": 1}, [(b"origin", b"https://shop.example"), TEXT]).status == 202
    assert refused(https.post({"v": 1}, [(b"origin", b"http://shop.example"), TEXT])) == (403, "cross_origin")


MEDIA = [
    ([(b"content-type", b"text/plain;charset=UTF-8")], None),
    ([(b"content-type", b"TEXT/PLAIN")], None),
    ([(b"content-type", b"application/json")], None),
    ([(b"content-type", b"application/json; charset=utf-8")], None),
    ([(b"content-type", b"text/html")], "media_type"),
    ([(b"content-type", b"text/plainly")], "media_type"),
    ([(b"content-type", b"application/x-www-form-urlencoded")], "media_type"),
    ([(b"content-type", b"multipart/form-data; boundary=x")], "media_type"),
    ([(b"content-type", b"")], "media_type"),
    ([], "media_type"),
    ([TEXT, (b"content-encoding", b"gzip")], "coded"),
    ([TEXT, (b"content-encoding", b"identity")], "coded"),
]


@pytest.mark.parametrize(("fields", "error"), MEDIA)
def test_x2_only_plain_text_or_json_that_is_not_compressed(refusing, fields, error):
    answer = refusing.post({"v": 1}, [SAME, *fields])
    if error is None:
        assert answer.status == 202
    else:
        assert refused(answer) == (415, error)


BAD_BODIES = [
    (b"", "bad_json"),
    (b"{", "bad_json"),
    (b"\xff\xff", "bad_json"),
    (b'{"v": 1, "x": NaN}', "bad_json"),
    (b"[" * 5_000, "bad_json"),
    (b"[]", "bad_beacon"),
    (b'{"v": 1, "events": 7}', "bad_beacon"),
    (b'{"v": 2}', "bad_version"),
    (b'{"v": 1, "events": [' + b",".join([b"0"] * 51) + b"]}", "too_many_events"),
    (b'{"v": 1, "x": [[[[[[[[0]]]]]]]]}', "too_deep"),
    (b'{"v": 1, "confirm": 7}', "bad_confirm"),
    (b'{"v": 1, "confirm": {}}', "bad_id"),
    (b'{"v": 1, "confirm": {"id": "x"}}', "bad_id"),
    (b'{"v": 1, "confirm": {"id": "c3f0b3a0-0b1e-5d6e-9a5d-6a5e0f6f7a11"}}', "bad_id"),  # one that follows from others
    (b'{"v": 1, "confirm": {"id": "%b"}}' % (b" " * 32), "bad_id"),
    (b'{"v": 1, "confirm": {"id": "\\ud800\\u0000"}}', "bad_id"),
]


@pytest.mark.parametrize(("body", "error"), BAD_BODIES)
def test_a_body_that_is_no_beacon_is_refused_with_its_reason(refusing, body, error):
    assert refused(refusing.post(body)) == (400, error)


def padded(size: int) -> bytes:
    body = b'{"v": 1, "x": "%b"}'
    return body % (b"a" * (size - len(body) + 2))


def test_x2_32_kib_are_taken_and_not_a_byte_more(refusing):
    assert refusing.post(padded(BODY_MAX_BYTES)).status == 202
    assert refused(refusing.post(padded(BODY_MAX_BYTES + 1))) == (413, "too_large")


HEAD = b"POST %b HTTP/1.1\r\nhost: shop.example\r\nsec-fetch-site: same-origin\r\ncontent-type: text/plain\r\n" % EVENTS


def test_x2_the_size_is_counted_while_it_streams_and_not_believed(refusing):
    for framing in (b"content-length: 100000000\r\n\r\n" + b"x" * 33_000, b"transfer-encoding: chunked\r\n\r\n"):
        wire: Wire = refusing.served.connect()
        wire.send(HEAD + framing)
        if b"chunked" in framing:
            for _ in range(9):
                wire.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        # The body has not ended, and never does.
        assert refused(wire.answer()) == (413, "too_large")
        wire.close()


def test_a_chunked_beacon_is_taken(refusing):
    wire: Wire = refusing.served.connect()
    wire.send(HEAD + b'transfer-encoding: chunked\r\n\r\n4\r\n{"v"\r\n')
    wire.send(b"4\r\n: 1}\r\n0\r\n\r\n")
    assert wire.answer().status == 202
    wire.close()


def test_a_visitor_who_breaks_off_is_forgotten(http):
    page, _ = http.navigate()
    wire: Wire = http.served.connect()
    wire.send(HEAD + b'content-length: 500\r\n\r\n{"v": 1, "page": "%b"' % page.encode())
    wire.close()
    assert http.confirm(page).status == 202
    assert [row["lane"] for row in http.rows()] == ["person"]


# 202 -----------------------------------------------------------------------------------------------------------------


def test_a_confirmation_is_on_disk_when_it_is_answered(http):
    page, _ = http.navigate()
    assert http.rows()[0]["lane"] == "unproven"
    answer = http.confirm(page, title="Spring sale", referrer="https://x.example/?token=secret")
    assert answer.status == 202
    assert told(answer) == {"accepted": 0, "duplicates": 0, "rejected": [], "warnings": []}
    (row,) = http.rows()
    assert (row["lane"], row["label"]) == ("person", "Visited page Spring sale")
    assert row["params"]["referrer"] == "https://x.example/?token=removed"


REJECTED = [
    ({"action": "shop.opened"}, "undefined_action"),
    ({"action": "session.start"}, "reserved_action"),
    ({"action": "transaction.charge"}, "reserved_action"),
    ({"action": "no"}, "bad_action"),
    ({}, "bad_action"),
    ({"action": "page.visit", "params": {}}, "missing_param"),
    ({"id": "x", "action": "link.click"}, "bad_id"),
    (7, "bad_type"),
    (None, "bad_type"),
]


def test_every_event_is_rejected_with_its_reason_and_the_confirmation_is_taken(http):
    page, _ = http.navigate()
    confirm = {"id": next(NEW), "uri": "http://shop.example/", "title": "Shop"}
    answer = http.post(
        {
            "v": 1,
            "page": page,
            "confirm": confirm,
            "events": [{"id": next(NEW), **event} if isinstance(event, dict) else event for event, _ in REJECTED],
        }
    )
    assert answer.status == 202
    document = told(answer)
    assert [(each["index"], each["code"]) for each in document["rejected"]] == [
        (index, code) for index, (_, code) in enumerate(REJECTED)
    ]
    assert all(each["message"] for each in document["rejected"])
    assert http.rows()[0]["lane"] == "person"


def test_without_cookie_and_page_everything_is_rejected_as_no_visitor(http):
    for page in ("", "x" * 43):
        confirm = {"id": next(NEW), "uri": "http://shop.example/"}
        answer = http.post({"v": 1, "page": page, "confirm": confirm, "events": [{"action": "a.b"}, 7]})
        assert answer.status == 202 and answer.get(b"set-cookie") is None
        assert [(each["index"], each["code"]) for each in told(answer)["rejected"]] == [
            (None, "no_visitor"),
            (0, "no_visitor"),
            (1, "no_visitor"),
        ]
    assert http.rows() == []


SIGNALS = [
    (Consent(), [(b"sec-gpc", b"1")], True),
    (Consent(gpc=False), [(b"sec-gpc", b"1")], False),
    (Consent(), [(b"sec-gpc", b"0")], False),
    (Consent(), [(b"cookie", b"a=1; footfall_consent=out")], True),
    (Consent(), [(b"cookie", b"footfall_consent=in")], False),
    (Consent(), [(b"cookie", b"footfall_consent=in"), (b"sec-gpc", b"1")], True),
    (Consent(), [(b"dnt", b"1")], False),
    (Consent(dnt=True), [(b"dnt", b"1")], True),
    (Consent(dnt=True), [(b"dnt", b"0")], False),
]


@pytest.mark.parametrize(("consent", "signal", "says_no"), SIGNALS)
def test_a_beacon_under_a_signal_is_answered_202_and_rejected_as_opted_out(tmp_path, consent, signal, says_no):
    with shop(replace(Config(base=tmp_path), consent=consent)) as there:
        page, _ = there.navigate()
        answer = there.confirm(page, [SAME, TEXT, *signal])
        assert answer.status == 202
        assert [each["code"] for each in told(answer)["rejected"]] == (["opted_out"] if says_no else [])
        assert (answer.get(b"set-cookie") is None) is says_no
        lanes = ["unproven" if says_no else "person"]
        # What was refused waits for nobody, and on a busy machine the page was let go before its commit.
        assert eventually(lambda: [row["lane"] for row in there.rows()] == lanes)


# Cookies -------------------------------------------------------------------------------------------------------------


def visitor_of(there: Shop, set_cookie: bytes | None) -> str:
    assert set_cookie is not None
    value = set_cookie.partition(b";")[0].partition(b"=")[2]
    identity = CookieSigner(load_keys(there.config.key_path)).read([value], now_ms())
    assert identity is not None
    return text_of(identity.uuid)


def test_the_202_sets_the_cookie_of_a_visitor_who_was_new_at_the_page_and_brought_none(http):
    page, answer = http.navigate()
    given = answer.get(b"set-cookie")
    assert given is not None
    again = http.confirm(page).get(b"set-cookie")
    assert again is not None and again.startswith(b"footfall=") and b"Secure" not in again
    assert visitor_of(http, again) == visitor_of(http, given) == http.rows()[0]["uuid"]


def test_on_https_the_cookie_is_secure_and_prefixed(https):
    page, _ = https.navigate()
    given = https.confirm(page).get(b"set-cookie")
    assert given is not None and given.startswith(b"__Host-footfall=") and given.endswith(b"; Secure")
    assert b"; Path=/; " in given and b"; HttpOnly; SameSite=Lax" in given


def test_a_cookie_that_came_is_not_set_again(http):
    page, answer = http.navigate()
    http.cookie = (answer.get(b"set-cookie") or b"").partition(b";")[0]
    assert http.confirm(page).get(b"set-cookie") is None
    assert http.confirm(page, nav="bfcache").get(b"set-cookie") is None
    assert [(row["lane"], row["params"]["nav"]) for row in http.rows()] == [
        ("person", "navigate"),
        ("person", "bfcache"),
    ]


def test_x3_a_forged_cookie_is_none_and_never_an_error(http):
    page, _ = http.navigate()
    http.cookie = b"footfall=AAAAAAAAAAAAAAAAAAAAAAAAAAA.forged; a=\xff"
    answer = http.confirm(page)
    assert answer.status == 202 and answer.get(b"set-cookie") is not None
    assert len({row["uuid"] for row in http.rows()}) == 1


def test_an_old_visitors_page_without_its_cookie_is_a_new_visitors(http):
    _, first = http.navigate()
    http.cookie = (first.get(b"set-cookie") or b"").partition(b";")[0]
    page, _ = http.navigate(b"/two")
    http.cookie = b""
    given = http.confirm(page, uri="http://shop.example/two").get(b"set-cookie")
    assert given is not None
    uuids = [row["uuid"] for row in http.rows()]
    assert uuids[0] == uuids[1] != uuids[2] == visitor_of(http, given)


def test_a_repeat_changes_nothing_and_sets_the_cookie_all_the_same(http):
    page, _ = http.navigate()
    name = next(NEW)
    first, second = http.confirm(page, id=name), http.confirm(page, id=name, title="Other")
    assert visitor_of(http, first.get(b"set-cookie")) == visitor_of(http, second.get(b"set-cookie"))
    assert [row["params"]["title"] for row in http.rows()] == ["Shop"]


def test_a_page_of_another_site_is_never_a_visit(http):
    page, _ = http.navigate()
    http.confirm(page)
    again = http.confirm(page, uri="https://evil.example/spam", nav="bfcache", title="Spam")
    assert again.status == 202
    assert [row["params"]["uri"] for row in http.rows()] == ["http://shop.example/"]


def test_what_is_ours_is_not_counted(http):
    http.navigate()
    http.post({"v": 1})
    http.post(b"{")
    http.request(b"GET", b"/_footfall/t.js", [])

    def counted() -> list[tuple[str, int]]:
        with contextlib.closing(SqliteReader(http.config.store_path)) as reader:
            return [(name, n) for _, _, name, n in reader.outcomes()]

    assert eventually(counted)
    assert counted() == [("visit", 1)]


# 408, 503: in a loop whose clock runs as fast as there is nothing to do ----------------------------------------------


class Jumping(selectors.DefaultSelector):
    """Does not wait for a timer: it says how long it would have."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout:
            self.skipped += timeout
        return ready


class HastyLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = Jumping()
        super().__init__(self.selector)

    def time(self) -> float:
        return super().time() + self.selector.skipped


class Stuck:
    """A store whose commit does not come until the test lets it."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def append(self, batch: Sequence[Item]) -> list[Result]:
        self.open.wait(20)
        return [None for _ in batch]

    def rest(self) -> None:
        pass

    def close(self) -> None:
        pass


async def collect(collector: Collector, chunks: Sequence[bytes], *, ends: bool) -> tuple[int, dict[bytes, bytes], str]:
    """One beacon, through ASGI; `ends` False: the rest of the body never comes."""
    waiting = list(chunks)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            chunk = waiting.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(waiting) or not ends}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": EVENTS.decode(), "headers": [SAME, TEXT], "query_string": b""}
    sender = Sender(
        cookie=None,
        secure=False,
        opted_out=False,
        origin=b"http://shop.example",
        host="shop.example",
        address="127.0.0.1",
        has_cookie=False,
        session_facts=(),
    )
    answer = await collector(Request(scope, receive), sender)
    await answer(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])["error"]


def collector_of(recorder: Recorder) -> Collector:
    secret = b"s" * 32
    identifier = Identifier(Customers((secret,)), "", Tokens((), "footfall"))
    cookies = CookieSigner((Key(1, secret),))
    return Collector(recorder, PageIds((secret,)), cookies, SHIPPED, identifier, clock_ms=lambda: 0)


def recorder_of(store: Stuck, queue_events: int = 100) -> Recorder:
    return Recorder(partial(WritingThread, lambda: store), clock_ms=lambda: 0, queue_events=queue_events, hold_ms=250)


def test_x2_a_body_that_does_not_come_in_ten_seconds_is_408():
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        loop = runner.get_loop()
        begun = loop.time()
        collector = collector_of(recorder_of(Stuck()))
        status, _, error = runner.run(collect(collector, [b'{"v":'], ends=False))
        assert (status, error) == (408, "timeout")
        assert 10 <= loop.time() - begun < 11


def test_a_store_that_does_not_answer_is_503_and_the_tracker_is_told_to_come_again():
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        loop = runner.get_loop()
        store = Stuck()
        recorder = recorder_of(store)

        async def story() -> tuple[int, dict[bytes, bytes], str]:
            recorder.start()
            return await collect(collector_of(recorder), [b'{"v": 1}'], ends=True)

        begun = loop.time()
        status, headers, error = runner.run(story())
        assert (status, error, headers[b"retry-after"]) == (503, "overloaded", b"5")
        assert 20 <= loop.time() - begun < 21
        store.open.set()
        assert runner.run(recorder.stop(5)) == 0


def test_a_full_queue_is_503_at_once():
    with asyncio.Runner() as runner:
        recorder = recorder_of(Stuck(), queue_events=0)

        async def story() -> tuple[int, dict[bytes, bytes], str]:
            recorder.start()
            return await collect(collector_of(recorder), [b'{"v": 1}'], ends=True)

        status, headers, error = runner.run(story())
        assert (status, error, headers[b"retry-after"]) == (503, "overloaded", b"5")
        assert runner.run(recorder.stop(5)) == 0
