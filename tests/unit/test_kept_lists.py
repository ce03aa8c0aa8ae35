"""Lists of fields that are kept: what was found once is what would be found again, whoever asks and in which order."""

import random
from dataclasses import replace
from ipaddress import ip_network
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_tracked_requests import tracking

from proxy.fieldlist import FieldList
from proxy.http.gate import Gate, refuse
from proxy.http.headers import Peer, answer_fields, request_head
from proxy.http.heads import written
from proxy.http.target import request_scope
from proxy.page.eligibility import read_answer
from proxy.page.fields import to_visitor
from proxy.tracking.request import TrackedRequest

NAMES = st.sampled_from(
    [
        *(b"host", b"cookie", b"via", b"connection", b"accept", b"accept-encoding", b"user-agent", b"purpose", b"dnt"),
        *(b"x-forwarded-for", b"forwarded", b"upgrade", b"sec-fetch-mode", b"sec-fetch-dest", b"sec-gpc", b"x_real_ip"),
        *(b"if-none-match", b"range", b"content-type", b"content-length", b"etag", b"last-modified", b"cache-control"),
        *(b"set-cookie", b"vary", b"content-encoding", b"content-disposition", b"accept-ranges", b"date", b"te"),
    ]
)
VALUES = st.sampled_from(
    [
        *(
            b"",
            b"shop.example",
            b"a=1; footfall=x",
            b"1.1 us",
            b"close",
            b"text/html",
            b"text/html; charset=utf-8",
            b"5",
        ),
        *(
            b"gzip, br, zstd, other",
            b"navigate",
            b"document",
            b"iframe",
            b"1",
            b"prefetch",
            b'"x"',
            b'W/"x~ff"',
            b"bytes",
        ),
        *(b"Mozilla/5.0 (X11) Firefox/140", b"no-cache, no-transform", b"Sat, 28 Nov 2026 10:00:00 GMT", b"attachment"),
    ]
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
PAIRS = 256
PEERS = [Peer("10.0.0.1", "http", b"a", False), Peer("::1", "https", b"", False), Peer("10.0.0.1", "http", b"b", True)]


def outcome(call: Any) -> Any:
    """What a call returns or raises, to be compared."""
    try:
        return call()
    except (ValueError, RuntimeError) as wrong:
        return type(wrong), str(wrong)


def asked(call: Any, fields: list[tuple[bytes, bytes]], ways: list[Any]) -> None:
    """Asked in one way and then in another, of one list that is kept and each time of another one that is not."""
    pairs = list(product(ways, repeat=2))
    for before, way in random.Random(len(fields)).sample(pairs, min(PAIRS, len(pairs))):
        kept = FieldList.of(fields).kept()
        outcome(lambda: call(kept, before))  # noqa: B023
        assert outcome(lambda: call(kept, way)) == outcome(lambda: call(FieldList.of(fields), way)), way  # noqa: B023


@given(FIELDS)
def test_the_gate(fields: list[tuple[bytes, bytes]]) -> None:
    ways = [
        {"method": method, "version": version, "path": path, "token": token}
        for method, version in (("GET", "1.1"), ("TRACE", "1.1"), ("GET", "1.0"), ("POST", "9"))
        for path in (b"/a", b"/%5ff/x", b"*", b"x")
        for token in (b"us", b"other")
    ]

    def refused(headers: FieldList, way: dict[str, Any]) -> Any:
        scope = {"method": way["method"], "http_version": way["version"], "raw_path": way["path"], "headers": headers}
        return refuse(scope, b"/_f", way["token"])

    asked(refused, fields, ways)


@given(FIELDS)
def test_the_head_for_upstream(fields: list[tuple[bytes, bytes]]) -> None:
    ways = [
        {"peer": peer, "authority": authority, "via_token": token, "preserve_host": preserve}
        for peer, authority, token, preserve in product(PEERS, (b"up:80", b"up2"), (b"us", b"we"), (True, False))
    ]

    def head(headers: FieldList, way: dict[str, Any]) -> Any:
        made = request_head(b"GET", b"/p?q", b"1.1", headers, **way)
        return made.data, made.length

    asked(head, fields, ways)


@given(FIELDS)
@example([(b"content-type", b"text/html"), (b"etag", b'"x"'), (b"content-length", b"5")])
def test_the_fields_of_an_answer(fields: list[tuple[bytes, bytes]]) -> None:
    vias = [{b"via": b"1.1 us"}, {b"via": b"1.0 us"}]
    asked(lambda headers, way: list(answer_fields(headers, keep_length=way[0], via=vias[way[1]])), fields, WAYS)
    asked(lambda headers, _: written(headers), fields, [0])
    asked(lambda headers, status: read_answer(status, headers), fields, [200, 304, 404, 206])
    usual = {"tagged": True, "length": b"5", "cookie": b"", "asleep": False, "extended": False}
    others = ({"tagged": False}, {"length": None}, {"cookie": b"f=1"}, {"asleep": True}, {"extended": True})
    pages = [{**usual, **one, **other} for one, other in product(({}, *others), repeat=2)]
    pages = [page for number, page in enumerate(pages) if page not in pages[:number]]
    asked(lambda headers, page: list(to_visitor(headers, **page)), fields, pages)


WAYS = list(product((True, False), (0, 1)))


@given(FIELDS)
@example(
    [
        *(
            (b"host", b"shop.example"),
            (b"user-agent", b"Mozilla/5.0 (X11) Firefox/140"),
            (b"cookie", b"a=1; footfall=x"),
        ),
        *((b"accept-encoding", b"gzip, br, zstd, other"), (b"sec-fetch-mode", b"navigate")),
    ]
)
def test_what_the_tracking_reads(fields: list[tuple[bytes, bytes]]) -> None:
    others = [
        tracking(),
        tracking(gpc=False, opt_in=True),
        tracking(inject=False),
        replace(tracking(), public_origin="https://x"),
    ]
    usual = (0, b"/", "GET", PEERS[0])
    ways = [usual, *((number, *usual[1:]) for number in range(1, len(others))), (*usual[:3], PEERS[1])]
    ways += [(0, path, method, PEERS[0]) for path, method in ((b"/admin/x", "GET"), (b"/", "POST"), (b"/", "PUT"))]

    def read(headers: FieldList, way: tuple[int, bytes, str, Peer]) -> Any:
        of, path, method, peer = others[way[0]], *way[1:]
        scope = {**request_scope(method, "1.1", path, headers), "scheme": peer.scheme, "client": (peer.address, 1)}
        scope["extensions"] = {"footfall.peer": peer}
        request = TrackedRequest(of, scope)
        standing = request.standing(of)
        told = {name: getattr(request, name) for name in TrackedRequest.__slots__ if name in COMPARED}
        return told, standing, list(request.scope["headers"]), request.foreign

    asked(read, fields, ways)


COMPARED = {
    *("agent", "asleep", "candidate", "cookie", "fields", "host", "identity", "kind", "method", "query", "raw_path"),
    *("scheme", "secure", "stand", "upgrade"),
}


@pytest.mark.parametrize("trusted", [False, True])
def test_who_the_peer_is_is_told_for_each_connection(trusted: bool) -> None:
    networks = (ip_network("10.0.0.0/8"),) if trusted else ()
    gate = Gate(
        lambda scope, receive, send: scope["extensions"]["footfall.peer"],  # type: ignore[arg-type, return-value]
        prefix=b"/_f",
        via_token=b"us",
        trusted_proxies=networks,
        refused=lambda host, status: None,
    )
    kept = FieldList.of([(b"host", b"a"), (b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https")]).kept()
    for _ in range(2):
        for address, scheme in (("10.0.0.1", "http"), ("10.0.0.2", "http"), ("10.0.0.1", "https"), ("9.9.9.9", "http")):
            scope = {**request_scope("GET", "1.1", b"/", kept), "client": (address, 1), "scheme": scheme}
            believed = trusted and address.startswith("10.")
            expected = Peer(address, "https" if believed else scheme, b"a", believed)
            assert gate(scope, None, None) == expected  # type: ignore[arg-type, comparison-overlap]
