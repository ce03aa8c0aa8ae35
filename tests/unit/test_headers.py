"""Field lists and head bytes: what is forwarded, dropped and appended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.fieldlist import FieldList
from proxy.http.headers import (
    Peer,
    RequestHead,
    answer_fields,
    content_length,
    has_line_break,
    is_well_formed,
    nominated,
    request_head,
)
from proxy.http.target import disguise, replace_host, split_target, text_path

Headers = list[tuple[bytes, bytes]]
STRANGER = Peer("203.0.113.9", "http", b"shop.example", False)
HOST = (b"host", b"shop.example")
NAMES = st.text("abcdefgh-_", min_size=1, max_size=8).map(lambda text: b"y-" + text.encode())
VALUES = st.binary(max_size=20).map(lambda data: bytes(c for c in data if c >= 0x20 and c != 0x7F))


def head(headers: Headers, *, peer: Peer = STRANGER, method: bytes = b"GET") -> RequestHead:
    return request_head(method, b"/p?q", b"1.1", headers, peer=peer, authority=b"up:80", via_token=b"ff")


def fields(data: bytes) -> Headers:
    lines = data[:-4].split(b"\r\n")[1:]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def test_the_head_is_the_visitors_and_what_an_intermediary_adds() -> None:
    made = head([(b"accept", b"*/*"), HOST, (b"x", b"1"), (b"x", b"2")])
    assert made.length == 0
    assert made.data == (
        b"GET /p?q HTTP/1.1\r\nhost: shop.example\r\naccept: */*\r\nx: 1\r\nx: 2\r\n"
        b"x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: http\r\nx-forwarded-host: shop.example\r\n"
        b"via: 1.1 ff\r\n\r\n"
    )


def test_a_missing_host_is_upstreams_authority() -> None:
    assert b"\r\nhost: up:80\r\n" in head([]).data


@given(st.lists(st.tuples(NAMES, VALUES), max_size=20))
def test_f6_order_duplicates_and_value_bytes_of_all_others_are_kept(headers: Headers) -> None:
    seen = [field for field in fields(head([HOST, *headers]).data) if field[0].startswith(b"y-")]
    assert seen == headers
    assert answer_fields(FieldList.of(headers), keep_length=True, via={b"via": b"v"}) == [*headers, (b"via", b"v")]


@pytest.mark.parametrize(
    "name",
    (
        b"connection keep-alive proxy-connection te trailer upgrade http2-settings proxy-authorization proxy"
        b" x_forwarded_for x-forwarded_for x_forwarded-proto content_length transfer_encoding x_real_ip"
    ).split(),
)
def test_f6_f8_hop_by_hop_fields_and_aliases_are_dropped(name: bytes) -> None:
    assert name not in [key for key, _ in fields(head([HOST, (name, b"5")]).data)]


def test_f6_connection_names_fields_but_not_those_the_site_needs() -> None:
    assert nominated([b"close, X-A", b" x-b\t,,"]) == {b"close", b"x-a", b"x-b", b""}
    kept = b"host cookie authorization content-type content-length x-forwarded-for via set-cookie"
    assert nominated([kept.replace(b" ", b", ")]) == frozenset()
    made = head([HOST, (b"connection", b"cookie, x-a"), (b"cookie", b"a"), (b"x-a", b"1")])
    assert [key for key, _ in fields(made.data)][:2] == [b"host", b"cookie"] and b"x-a" not in made.data


@pytest.mark.parametrize(
    ("framing", "length", "line"),
    [
        ([], 0, None),
        ([(b"content-length", b"0")], 0, b"content-length: 0"),
        ([(b"content-length", b"7")], 7, b"content-length: 7"),
        ([(b"content-length", b" 7\t")], 7, b"content-length: 7"),
        ([(b"content-length", b"7"), (b"content-length", b"7")], 7, b"content-length: 7"),
        ([(b"transfer-encoding", b"Chunked")], None, b"transfer-encoding: chunked"),
    ],
)
def test_f2_framing_is_decided_once_and_written_anew(framing: Headers, length: int | None, line: bytes | None) -> None:
    made = head([HOST, *framing], method=b"POST")
    assert made.length == length
    written = [b": ".join(f) for f in fields(made.data) if f[0] in (b"content-length", b"transfer-encoding")]
    assert written == ([line] if line else [])


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-length", b"")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"1" * 19)],
        [(b"x", b"a\r\nb: c")],
        [(b"x", b"a\nb")],
        [(b"x\r", b"a")],
        [(b"x", b"\0")],
    ],
)
def test_f1_what_could_split_a_request_is_never_written(headers: Headers) -> None:
    with pytest.raises(ValueError):
        head([HOST, *headers])


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=12)), max_size=8))
def test_f1_whatever_the_fields_hold_there_is_one_head_or_none(headers: Headers) -> None:
    try:
        data = head([HOST, *headers]).data
    except ValueError:
        assert any(byte in b"".join(field) for field in headers for byte in (b"\r", b"\n", b"\0"))
        return
    assert data.endswith(b"\r\n\r\n") and data.count(b"\r\n\r\n") == 1
    assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n")


def test_expect_continue_is_ours_to_answer_and_other_expectations_are_not() -> None:
    assert b"expect" not in head([HOST, (b"expect", b"100-Continue")]).data
    assert b"expect: tea" in head([HOST, (b"expect", b"tea")]).data


def test_f8_a_trusted_peers_chain_is_continued_and_a_strangers_replaced() -> None:
    chain = [
        HOST,
        (b"x-forwarded-for", b"1.1.1.1, 2.2.2.2"),
        (b"forwarded", b"for=1.1.1.1"),
        (b"x-forwarded-proto", b"x"),
    ]
    trusted = dict(fields(head(chain, peer=Peer("10.0.0.1", "https", b"public.example", True)).data))
    assert trusted[b"x-forwarded-for"] == b"1.1.1.1, 2.2.2.2, 10.0.0.1"
    assert trusted[b"x-forwarded-proto"] == b"https" and trusted[b"x-forwarded-host"] == b"public.example"
    assert trusted[b"forwarded"] == b'for=1.1.1.1, for=10.0.0.1;proto=https;host="public.example"'
    stranger = dict(fields(head(chain, peer=Peer("2001:db8::1", "http", b"shop.example", False)).data))
    assert stranger[b"x-forwarded-for"] == b"2001:db8::1"
    assert stranger[b"forwarded"] == b'for="[2001:db8::1]";proto=http;host="shop.example"'
    assert b"forwarded: " not in head([HOST]).data


def test_answers_lose_what_ends_here() -> None:
    theirs = [
        (b"date", b"d"),
        (b"connection", b"x-a, set-cookie"),
        (b"x-a", b"1"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"transfer-encoding", b"chunked"),
        (b"trailer", b"x"),
        (b"content-length", b"5"),
    ]
    via = (b"via", b"1.1 ff")
    kept = [(b"date", b"d"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), via]
    assert answer_fields(FieldList.of(theirs), keep_length=False, via=dict([via])) == kept
    assert (b"content-length", b"5") in answer_fields(FieldList.of(theirs), keep_length=True, via=dict([via]))
    assert answer_fields(FieldList.of([(b"via", b"1.0 a")]), keep_length=True, via=dict([via])) == [
        (b"via", b"1.0 a"),
        via,
    ]


@given(st.lists(st.binary(max_size=6), max_size=6))
def test_f1_line_breaks_are_seen_wherever_they_are(texts: list[bytes]) -> None:
    assert has_line_break(texts) is any(byte in b"\r\n\0" for text in texts for byte in text)


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        (b"x-a", b"\tfine \xff", True),
        (b"X-A", b"", False),
        (b"x a", b"", False),
        (b"x:a", b"", False),
        (b"", b"", False),
        (b"x", b"a\nb", False),
        (b"x", b"a\rb", False),
        (b"x", b"\x01", False),
        (b"x", b"\x7f", False),
    ],
)
def test_f1_field_syntax_of_what_no_parser_has_read(name: bytes, value: bytes, good: bool) -> None:
    assert is_well_formed([HOST, (name, value)]) is good
    assert is_well_formed([(name, value), HOST]) is good


def test_lengths_agree_or_are_none() -> None:
    assert content_length([]) is None
    assert content_length([b"10", b" 10 "]) == 10


@pytest.mark.parametrize(
    ("target", "split"),
    [
        (b"/a?b?c", (b"/a", b"b?c", None)),
        (b"/a?", (b"/a", b"", None)),
        (b"/a", (b"/a", None, None)),
        (b"//host/a", (b"//host/a", None, None)),
        (b"*", (b"*", None, None)),
        (b"HTTP://h:8/a?b", (b"/a", b"b", b"h:8")),
        (b"http://h", (b"/", None, b"h")),
        (b"http://h?q", (b"/", b"q", b"h")),
        (b"ftp://h/", (b"ftp://h/", None, None)),
    ],
)
def test_t2_targets_are_split_and_never_changed(target: bytes, split: tuple[bytes, bytes | None, bytes | None]) -> None:
    assert split_target(target) == split


@given(st.binary(max_size=40))
def test_t2_a_path_and_its_query_join_to_the_target_again(tail: bytes) -> None:
    target = b"/" + tail
    path, query, authority = split_target(target)
    assert authority is None
    assert (path if query is None else path + b"?" + query) == target


def test_the_absolute_forms_authority_replaces_the_host() -> None:
    assert replace_host([(b"a", b"1"), HOST], b"other") == [(b"a", b"1"), (b"host", b"other")]


def test_text_paths_are_decoded_for_applications_that_route_by_them() -> None:
    assert text_path(b"/a%2Fb%ff") == "/a/b\ufffd"
    assert text_path("/\u00e9".encode()) == "/\u00e9"


def test_t2_high_bytes_of_a_request_line_are_disguised_at_equal_length() -> None:
    data = b"GET /\xc3\xa9?\xff HTTP/1.1\r\nx: \xff\r\n\r\n"
    target, shown = disguise(data)
    assert target == b"/\xc3\xa9?\xff" and shown == b"GET /xx?x HTTP/1.1\r\nx: \xff\r\n\r\n"
    plain = b"GET / HTTP/1.1\r\nx: \xff\r\n\r\n"
    assert disguise(plain) == (None, plain)
    for broken in (b"\xff\xfe\r\n", b"GET /\xff\nX: 1 HTTP/1.1\r\n\r\n", b"GET /\xff\0 HTTP/1.1\r\n\r\n"):
        assert disguise(broken) == (None, broken)
