"""The same head again, over real sockets: what came before must not be seen in what comes now (proxy/http/known.py)."""

import itertools
import time

import pytest
from wire import Seen, Wire, always, ok, origin, proxying

ASKING = b" HTTP/1.1\r\nHost: shop.example\r\nX-A: 1\r\nAccept: */*\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-b: 2\r\ncontent-length: 5\r\n\r\n"


def test_f1_the_same_fields_go_upstream_with_each_target_and_come_from_each_answer() -> None:
    numbers = itertools.count()

    def counting(wire: Wire, seen: Seen) -> bool:
        wire.send(HEAD + b"%05d" % next(numbers))
        return True

    with origin(counting) as site, proxying(site.url) as proxy:
        wire, other = proxy.connect(), proxy.connect()
        for number in range(6):
            one = wire if number % 2 else other
            one.send(b"GET /page/%d?q=%d" % (number, number) + ASKING)
            answer = one.answer()
            assert (answer.status, answer.body, answer.whole) == (200, b"%05d" % number, True)
            assert answer.get(b"x-b") == b"2"
    assert [seen.line for seen in site.seen] == [b"GET /page/%d?q=%d HTTP/1.1" % (n, n) for n in range(6)]
    assert all(seen.fields == site.seen[0].fields for seen in site.seen)
    assert site.connections <= 2


def test_f3_a_head_is_followed_by_no_body_where_the_request_was_a_head() -> None:
    def asked(wire: Wire, seen: Seen) -> bool:
        wire.send(HEAD if seen.line.startswith(b"HEAD") else HEAD + b"hello")
        return True

    with origin(asked) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for method in ("GET", "HEAD", "GET", "HEAD", "HEAD", "GET"):
            wire.send(method.encode() + b" /" + ASKING)
            answer = wire.answer(method)
            assert answer.status == 200 and answer.get(b"content-length") == b"5"
            assert answer.body == (b"hello" if method == "GET" else b"")


@pytest.mark.parametrize("at", [1, len(HEAD) - 1, len(HEAD), len(HEAD) + 2])
def test_f3_a_known_head_may_arrive_in_pieces(at: int) -> None:
    def split(wire: Wire, seen: Seen) -> bool:
        data = HEAD + b"hello"
        if seen.line.startswith(b"GET /split"):
            wire.send(data[:at])
            time.sleep(0.02)  # so that they are two reads
            wire.send(data[at:])
        else:
            wire.send(data)
        return True

    with origin(split) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for path in (b"/", b"/split", b"/", b"/split"):
            wire.send(b"GET " + path + ASKING)
            answer = wire.answer()
            assert (answer.status, answer.body, answer.whole) == (200, b"hello", True)


CHUNKED = HEAD.replace(b"content-length: 5", b"transfer-encoding: chunked")
TRAILED = b"3\r\nhel\r\n2\r\nlo\r\n0\r\nx-c: 3\r\n\r\n"


@pytest.mark.parametrize("at", [0, len(CHUNKED) - 1, len(CHUNKED), len(CHUNKED) + 1, len(CHUNKED) + 7])
def test_f3_chunks_behind_a_known_head_are_read_as_behind_any_other(at: int) -> None:
    def chunked(wire: Wire, seen: Seen) -> bool:
        is_trailed = seen.line.startswith(b"GET /trailed")
        data = CHUNKED + (TRAILED if is_trailed else b"5;ext=1\r\nhello\r\n0\r\n\r\n")
        if seen.line.startswith(b"HEAD"):
            data = CHUNKED
        split = at if b"split" in seen.line else 0
        wire.send(data[:split])
        if split:
            time.sleep(0.02)  # so that they are two reads
        wire.send(data[split:])
        return True

    with origin(chunked) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for path in (
            *("GET /", "GET /", "GET /trailed", "GET /split", "GET /", "HEAD /", "GET /trailed-split", "GET /split"),
            *("GET /trailed", "GET /trailed", "HEAD /split", "GET /split", "GET /"),
        ):
            wire.send(path.encode() + ASKING)
            answer = wire.answer(path.split()[0])
            assert (answer.status, answer.get(b"x-b"), answer.whole) == (200, b"2", True)
            assert answer.body == (b"" if path.startswith("HEAD") else b"hello") and answer.get(b"x-c") is None
    assert site.connections == 1


@pytest.mark.parametrize(
    "body", [b"5\r\nhel", b"5\r\nhello\r\n", b"x\r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"-5\r\n"]
)
def test_f3_chunks_behind_a_known_head_that_are_none_spoil_their_connection_alone(body: bytes) -> None:
    def lying(wire: Wire, seen: Seen) -> bool:
        is_lie = seen.line.startswith(b"GET /lie")
        wire.send(CHUNKED + (body if is_lie else b"5\r\nhello\r\n0\r\n\r\n"))
        return not is_lie

    with origin(lying) as site, proxying(site.url) as proxy:
        assert proxy.ask(b"GET /" + ASKING).body == b"hello"
        answer = proxy.ask(b"GET /lie" + ASKING)
        assert not answer.whole and b"hello".startswith(answer.body)
        for _ in range(2):
            again = proxy.ask(b"GET /" + ASKING)
            assert again.body == b"hello" and again.whole


@pytest.mark.parametrize("body", [b"hel", b"hello, and more"])
def test_f3_a_known_head_that_lies_this_time_spoils_its_connection_alone(body: bytes) -> None:
    def lying(wire: Wire, seen: Seen) -> bool:
        is_lie = seen.line.startswith(b"GET /lie")
        wire.send(HEAD + (body if is_lie else b"hello"))
        return not is_lie

    with origin(lying) as site, proxying(site.url) as proxy:
        assert proxy.ask(b"GET /" + ASKING).body == b"hello"
        answer = proxy.ask(b"GET /lie" + ASKING)
        assert answer.status == 200 and answer.body == body[:5] and answer.whole == (len(body) >= 5)
        for _ in range(2):
            assert proxy.ask(b"GET /" + ASKING).body == b"hello"


@pytest.mark.parametrize("times", [1, 3])
def test_f3_what_begins_behind_an_answer_is_given_to_nobody(times: int) -> None:
    begun = b"HTTP/1.1 200 OK\r\nx-b: 3\r\n"
    answered: dict[Wire, int] = {}

    def generous(wire: Wire, seen: Seen) -> bool:
        before = answered[wire] = answered.get(wire, 0) + 1
        is_more = seen.line.startswith(b"GET /more")
        wire.send(
            b"content-length: 5\r\n\r\nEVIL!" if before > times else HEAD + b"hello" + (begun if is_more else b"")
        )
        return True

    with origin(generous) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for path in (*[b"/"] * (times - 1), b"/more", b"/"):
            wire.send(b"GET " + path + ASKING)
            assert wire.answer().body == b"hello"
    assert site.connections == 2


def test_f3_not_modified_again_and_again_and_whole_in_between() -> None:
    fields = b'etag: "x"\r\ncontent-length: 5\r\n\r\n'

    def asked(wire: Wire, seen: Seen) -> bool:
        known = seen.line.startswith(b"GET /known")
        wire.send(b"HTTP/1.1 304 Not Modified\r\n" + fields if known else b"HTTP/1.1 200 OK\r\n" + fields + b"hello")
        return True

    with origin(asked) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for path, status in ((b"/known", 304), (b"/", 200), (b"/known", 304), (b"/known", 304), (b"/", 200)):
            wire.send(b"GET " + path + ASKING)
            line, found = wire.head()
            assert line.split()[1] == b"%d" % status
            assert (b"content-length", b"5") in found or status == 304
            if status == 200:
                assert wire.exactly(5) == b"hello"


def test_f4_x1_a_known_head_opens_no_way_around_the_gate() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        assert proxy.ask(b"GET /" + ASKING).status == 200
        for target, status in ((b"/%5ffootfall/t.js", 404), (b"/a/../_footfall/x", 404), (b"/" + b"a" * 17_000, 414)):
            assert proxy.ask(b"GET " + target + ASKING).status == status
        assert proxy.ask(b"TRACE /" + ASKING).status == 405
    assert len(site.seen) == 1
