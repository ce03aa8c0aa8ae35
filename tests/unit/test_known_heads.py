"""Heads that came before: whatever is remembered, the same is understood as by who remembers nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_request_reader import Connection

from proxy.fieldlist import FieldList
from proxy.http.answers import AnswerHead, KnownAnswers
from proxy.http.known import HEAD_BYTES, HEAD_FIELDS, HEADS_REMEMBERED, KnownRequests
from proxy.http.limits import Limits
from proxy.http.reader import RequestReader

DATA = Path(__file__).parents[1] / "data" / "malformed_requests.json"
SENT = [row["send"].encode("latin-1") for row in json.loads(DATA.read_text()) if isinstance(row["send"], str)]
HOST = b"Host: shop.example\r\n"
PLAIN = b"GET /a?b=c HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nCookie: a=1\r\n\r\n"


def reading(known: KnownRequests, *pieces: bytes, limits: Limits | None = None) -> Connection:
    """What a connection is told that shares what is remembered."""
    connection = Connection()
    connection.reader = RequestReader(connection, limits or Limits(), known)  # type: ignore[arg-type]
    for piece in pieces:
        if not connection.reader.deaf:
            connection.reader.feed(piece)
    return connection


def same(one: Connection, other: Connection) -> None:
    assert one.told() == other.told()
    assert one.refusals == other.refusals
    assert one.reader.deaf == other.reader.deaf and one.reader.is_between == other.reader.is_between


@pytest.fixture(scope="module")
def full() -> KnownRequests:
    """Everything of the table was read once, and the plain heads in it with lines that they did not have."""
    known = KnownRequests()
    for data in SENT:
        reading(known, data)
        _, line, rest = data.partition(b"\r\n")
        for method in (b"GET", b"HEAD"):
            reading(known, method + b" /before HTTP/1.1" + line + rest)
    return known


@pytest.mark.parametrize("data", SENT, ids=range(len(SENT)))
def test_f1_what_was_read_before_changes_nothing(data: bytes, full: KnownRequests) -> None:
    same(reading(full, data), reading(KnownRequests(), data))
    same(reading(full, PLAIN, data, PLAIN), reading(KnownRequests(), PLAIN, data, PLAIN))


def test_a_plain_head_is_the_same_list_again() -> None:
    known = KnownRequests()
    first, second = (
        reading(known, line + PLAIN.partition(b"\r\n")[1] + PLAIN.partition(b"\r\n")[2])
        for line in (b"GET /a?b=c HTTP/1.1", b"HEAD /other HTTP/1.1")
    )
    assert first.requests[0].scope["headers"] == second.requests[0].scope["headers"]
    assert second.told() == reading(KnownRequests(), b"HEAD /other HTTP/1.1" + PLAIN[PLAIN.index(b"\r\n") :]).told()
    assert known.find(PLAIN) is not None


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(PLAIN.replace(b"GET", b"POST"), id="a method with a body"),
        pytest.param(PLAIN.replace(b"1.1", b"1.0"), id="HTTP/1.0, which is not kept alive"),
        pytest.param(PLAIN.replace(b"/a", b"http://shop.example/a"), id="a target in absolute form"),
        pytest.param(PLAIN.replace(b"/a", b"/\xe4"), id="a target that the parser must not see"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Content-Length: 0"), id="a length"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Transfer-Encoding: chunked"), id="a coding"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Connection: close"), id="the last request"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Connection: cookie"), id="a field for us alone"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Expect: 100-continue"), id="an expectation"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Connection: Upgrade\r\nUpgrade: websocket"), id="an upgrade"),
        pytest.param(PLAIN.replace(b"Accept: */*", b"Cookie: b=2"), id="a field twice"),
        pytest.param(PLAIN.replace(b"*/*\r\n", b"*/*\n"), id="a bare line feed"),
        pytest.param(PLAIN.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * HEAD_BYTES + b"\r\n\r\n"), id="a long head"),
        pytest.param(
            PLAIN.replace(b"Accept", b"".join(b"X%d: y\r\n" % number for number in range(HEAD_FIELDS)) + b"Accept"),
            id="many fields",
        ),
        pytest.param(PLAIN + PLAIN, id="two requests in one read"),
        pytest.param(b"\r\n" + PLAIN, id="an empty line before it"),
    ],
)
def test_what_is_less_plain_is_parsed_each_time(head: bytes) -> None:
    known = KnownRequests()
    first = reading(known, head)
    assert not known._known and known.find(head) is None
    same(reading(known, head), first)


def test_a_head_that_was_split_is_found_whole_the_next_time() -> None:
    known = KnownRequests()
    reading(known, PLAIN[:30], PLAIN[30:])
    assert known.find(PLAIN) is None  # of pieces nothing is remembered
    reading(known, PLAIN)
    same(reading(known, PLAIN[:30], PLAIN[30:], PLAIN), reading(KnownRequests(), PLAIN[:30], PLAIN[30:], PLAIN))


def test_f4_the_limit_of_a_target_counts_for_a_known_head() -> None:
    known, limits = KnownRequests(), Limits(target_bytes=100)
    long = PLAIN.replace(b"/a", b"/" + b"a" * 200)
    reading(known, PLAIN, limits=limits)
    same(reading(known, long, limits=limits), reading(KnownRequests(), long, limits=limits))
    assert reading(known, long, limits=limits).refusals == [414]


def test_what_is_remembered_is_bounded() -> None:
    known = KnownRequests()
    for number in range(3 * HEADS_REMEMBERED):
        reading(known, PLAIN.replace(b"a=1", b"a=%d" % number))
    assert 0 < len(known._known) <= HEADS_REMEMBERED


NAMES = st.sampled_from(
    ["Host", "host", "Cookie", "X", "x-a", "Connection", "Upgrade", "Content-Length", "TE", "Expect"]
)
VALUES = st.sampled_from(
    ["", "a", "close", "keep-alive", "0", "3", " b ", "a, b", "\t", "caf\xe9", "100-continue", "x"]
)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=5)
ENDS = st.sampled_from(["\r\n", "\n", "\r"])


@given(st.lists(st.tuples(st.sampled_from(["GET", "HEAD", "PUT"]), LINES, ENDS), min_size=1, max_size=6))
def test_any_heads_are_read_as_if_nothing_were_remembered(heads: list[tuple[str, list[tuple[str, str]], str]]) -> None:
    known = KnownRequests()
    for method, lines, end in heads:
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines)
        data = f"{method} /p HTTP/1.1\r\n{fields}{end}\r\n".encode("latin-1")
        for _ in range(2):
            same(reading(known, data), reading(KnownRequests(), data))


# Answers -------------------------------------------------------------------------------------------------------------

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n"
FIELDS = {b"content-type": b"text/html", b"content-length": b"5"}


CHUNKED = ANSWER.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")


def answer(**changed: Any) -> AnswerHead:
    usual = {"status": 200, "version": "1.1", "fields": FieldList(dict(FIELDS)), "length": 5, "chunked": False}
    return AnswerHead(**{**usual, "keep": True, **changed})


def chunked(**changed: Any) -> AnswerHead:
    fields = {b"content-type": b"text/html", b"transfer-encoding": b"chunked"}
    return answer(**{"fields": FieldList(fields), "length": None, "chunked": True, **changed})


def kept(block: bytes, head: AnswerHead) -> bool:
    known = KnownAnswers()
    found = known.block(block, len(block))
    if found:
        known.keep(found, head)
    assert known.find(block) in (None, head)
    return known.find(block) is not None


def test_an_answer_that_says_where_it_ends_is_remembered_and_its_fields_are_kept() -> None:
    head = answer()
    assert kept(ANSWER, head) and head.fields.facts == {}
    assert kept(CHUNKED, chunked())
    assert kept(b"HTTP/1.1 304 \r\nETag: x\r\n\r\n", answer(status=304, fields=FieldList({b"etag": b"x"}), length=None))


@pytest.mark.parametrize(
    ("block", "head"),
    [
        pytest.param(ANSWER, answer(length=None), id="an end that only the connection tells"),
        pytest.param(CHUNKED, chunked(keep=False), id="chunked, and the last one"),
        pytest.param(CHUNKED, chunked(status=304), id="chunked, where no body follows"),
        pytest.param(ANSWER.replace(b"\r\nContent-L", b"\nContent-L"), answer(), id="a bare line feed"),
        pytest.param(ANSWER.replace(b"text/html", b"text/html\r\n x"), answer(), id="a folded line"),
        pytest.param(
            ANSWER.replace(b"\r\n", b"\n") + b"a\r\nb\r\nc\r\n\r\n",
            answer(),
            id="line feeds, then as many lines of body",
        ),
        pytest.param(b"\r\n" + ANSWER, answer(), id="an empty line before it"),
        pytest.param(ANSWER.replace(b"1.1", b"1.0"), answer(version="1.0"), id="HTTP/1.0"),
        pytest.param(ANSWER.replace(b"text", b"t" * HEAD_BYTES), answer(), id="a long head"),
        pytest.param(
            ANSWER.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"),
            answer(fields=FieldList(dict(FIELDS), [*FIELDS.items(), (b"content-length", b"5")])),
            id="a field twice",
        ),
    ],
)
def test_an_answer_that_is_less_plain_is_parsed_each_time(block: bytes, head: AnswerHead) -> None:
    assert not kept(block, head)
