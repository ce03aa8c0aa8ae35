"""The gate's table: what is refused, with what, and what the application behind it is told."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.gate import Gate, Refusal, is_disguised, is_reserved, refuse
from proxy.http.headers import Peer

PREFIX, TOKEN = b"/_footfall", b"ff"
HOST = (b"host", b"shop.example")


def scope(path: bytes = b"/", headers: list[tuple[bytes, bytes]] | None = None, **other: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "raw_path": path,
        "query_string": b"",
        "headers": [HOST] if headers is None else headers,
        "client": ("203.0.113.9", 4711),
        **other,
    }


def status(path: bytes = b"/", headers: list[tuple[bytes, bytes]] | None = None, **other: Any) -> int:
    refusal = refuse(scope(path, headers, **other), PREFIX, TOKEN)
    return refusal.status if refusal else 200


HOSTS = [
    (b"shop.example", 200),
    (b"shop.example:8080", 200),
    (b"shop_1.example:", 200),
    (b"127.0.0.1:80", 200),
    (b"[::1]:80", 200),
    (b"[::1]", 200),
    (b"", 400),
    (b"a, b", 400),
    (b"user@host", 400),
    (b"host/path", 400),
    (b"host?x", 400),
    (b"host:port", 400),
    (b"host:123456", 400),
    (b"ho st", 400),
    (b"h\xc3\xb6st", 400),
    (b"[::1", 400),
    (b"h" * 255 + b":65535", 200),
    (b"h" * 262, 400),
]


@pytest.mark.parametrize(("host", "expected"), HOSTS)
def test_t7_hosts(host: bytes, expected: int) -> None:
    assert status(headers=[(b"host", host)]) == expected


def test_t7_a_host_is_needed_once_but_http_1_0_may_leave_it_out() -> None:
    assert status(headers=[]) == 400
    assert status(headers=[HOST, HOST]) == 400
    assert status(headers=[], http_version="1.0") == 200
    assert status(headers=[HOST, HOST], http_version="1.0") == 400


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.2", ""])
def test_other_versions_are_not_spoken(version: str) -> None:
    assert status(http_version=version) == 505


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("OPTIONS", b"*", 200),
        ("GET", b"*", 400),
        ("HEAD", b"*", 400),
        ("CONNECT", b"a:443", 405),
        ("TRACE", b"/", 405),
        ("GET", b"", 400),
        ("GET", b"a", 400),
        ("GET", b"ftp://x/", 400),
        ("PROPFIND", b"/", 200),
    ],
)
def test_t8_methods_and_targets(method: str, path: bytes, expected: int) -> None:
    assert status(path, method=method) == expected


FRAMINGS = [
    ([(b"content-length", b"5")], 200),
    ([(b"content-length", b"5"), (b"content-length", b"5")], 200),
    ([(b"content-length", b"5"), (b"content-length", b"6")], 400),
    ([(b"content-length", b"5, 5")], 400),
    ([(b"content-length", b"+5")], 400),
    ([(b"content-length", b"")], 400),
    ([(b"content-length", b"0x5")], 400),
    ([(b"content-length", "\u0665".encode())], 400),
    ([(b"transfer-encoding", b"chunked")], 200),
    ([(b"transfer-encoding", b"Chunked ")], 200),
    ([(b"transfer-encoding", b"gzip, chunked")], 400),
    ([(b"transfer-encoding", b"chunked, chunked")], 400),
    ([(b"transfer-encoding", b"identity")], 400),
    ([(b"transfer-encoding", b"\x0bchunked")], 400),
    ([(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], 400),
    ([(b"transfer-encoding", b"chunked"), (b"content-length", b"5")], 400),
]


@pytest.mark.parametrize(("headers", "expected"), FRAMINGS)
def test_f1_framing(headers: list[tuple[bytes, bytes]], expected: int) -> None:
    assert status(headers=[HOST, *headers], method="POST") == expected


@pytest.mark.parametrize("host", [[HOST], []])
def test_f1_http_1_0_has_no_transfer_encoding(host: list[tuple[bytes, bytes]]) -> None:
    assert status(headers=[*host, (b"transfer-encoding", b"chunked")], http_version="1.0") == 400
    assert status(headers=[*host, (b"content-length", b"+5")], http_version="1.0") == 400
    assert status(headers=[*host, (b"content-length", b"5")], http_version="1.0") == 200


def test_f5_websockets_are_understood_and_refused_and_other_upgrades_are_not_upgrades() -> None:
    upgrade = [HOST, (b"connection", b"keep-alive, Upgrade"), (b"upgrade", b"WebSocket")]
    assert refuse(scope(headers=upgrade), PREFIX, TOKEN) == Refusal(
        501, "WebSocket connections are not supported here.", "websocket"
    )
    assert status(headers=[HOST, (b"upgrade", b"websocket")]) == 200
    assert status(headers=[HOST, (b"connection", b"upgrade"), (b"upgrade", b"h2c")]) == 200


@pytest.mark.parametrize(
    ("via", "expected"),
    [(b"1.1 ff", 508), (b"1.0 a, HTTP/1.1 ff (x)", 508), (b"1.1 fff", 200), (b"1.1 a (ff)", 200), (b"ff", 200)],
)
def test_f8_our_own_token_in_via_is_a_loop(via: bytes, expected: int) -> None:
    assert status(headers=[HOST, (b"via", b"1.1 x"), (b"via", via)]) == expected


PATHS = [
    (b"/_footfall", 200),
    (b"/_footfall/events", 200),
    (b"/_footfall/../x", 200),
    (b"/_footfallx", 200),
    (b"/a/_footfall", 200),
    (b"/_FOOTFALL", 200),
    (b"/a%2Fb//c/../d", 200),
    (b"/%5ffootfall", 404),
    (b"/%255ffootfall/x", 404),
    (b"/_footfall%2fevents", 404),
    (b"//_footfall", 404),
    (b"/./_footfall", 404),
    (b"/a/../_footfall/x", 404),
    (b"/a/%2e%2e/_footfall", 404),
    (b"/..;/_footfall", 404),
    (b"/_footfall;v=1/x", 404),
    (b"\\_footfall", 400),
    (b"/\\_footfall", 404),
    (b"/_footfall#x", 404),
    (b"/_footfall%3fx", 404),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_x1_the_prefix_is_matched_on_raw_bytes_and_never_reached_in_disguise(path: bytes, expected: int) -> None:
    assert status(path) == expected


@given(st.integers(0, len(PREFIX) - 1), st.integers(1, 3))
def test_x1_any_encoding_of_the_prefix_is_a_disguise(place: int, times: int) -> None:
    encoded = PREFIX[place : place + 1]
    for _ in range(times):
        encoded = b"".join(b"%%%02x" % code for code in encoded)
    path = PREFIX[:place] + encoded + PREFIX[place + 1 :] + b"/x"
    assert is_disguised(b"/" + path if place == 0 else path, PREFIX)


@given(st.binary(max_size=30))
def test_x1_a_path_is_reserved_or_disguised_but_never_both(tail: bytes) -> None:
    path = b"/" + tail
    assert not (is_reserved(path, PREFIX) and is_disguised(path, PREFIX))


def through(made: dict[str, Any], *networks: str) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """(scope behind the gate, messages sent, refusals told)."""
    inner: list[dict[str, Any]] = []
    sent: list[Any] = []
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inner.append(scope)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    gate = Gate(
        app,
        prefix=PREFIX,
        via_token=TOKEN,
        trusted_proxies=tuple(ip_network(network) for network in networks),
        refused=lambda *what: told.append(what),
    )
    asyncio.run(gate(made, receive, send))
    return (inner[0] if inner else {}), sent, told


FORWARDED = [
    HOST,
    (b"x-forwarded-for", b"6.6.6.6, 198.51.100.7"),
    (b"x-forwarded-for", b"10.0.0.8"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"public.example"),
]


def test_f8_a_strangers_forwarding_fields_are_not_believed() -> None:
    made = scope(headers=FORWARDED)
    inner, _, _ = through(made, "10.0.0.0/8")
    assert inner["client"] == ("203.0.113.9", 4711) and inner["scheme"] == "http"
    assert inner["extensions"]["footfall.peer"] == Peer("203.0.113.9", "http", b"shop.example", False)


def test_f8_a_trusted_peers_are_as_far_as_trust_reaches() -> None:
    inner, _, _ = through(scope(headers=FORWARDED, client=("10.0.0.9", 1)), "10.0.0.0/8")
    assert inner["client"] == ("198.51.100.7", 0) and inner["scheme"] == "https"
    assert inner["extensions"]["footfall.peer"] == Peer("10.0.0.9", "https", b"public.example", True)


def test_f8_nonsense_from_a_trusted_peer_is_ignored() -> None:
    headers = [HOST, (b"x-forwarded-for", b"unknown"), (b"x-forwarded-proto", b"gopher"), (b"x-forwarded-host", b"a b")]
    inner, _, _ = through(scope(headers=headers, client=("::ffff:10.0.0.9", 1)), "10.0.0.0/8")
    assert inner["client"] == ("::ffff:10.0.0.9", 1) and inner["scheme"] == "http"
    assert inner["extensions"]["footfall.peer"].host == b"shop.example"
    assert inner["extensions"]["footfall.peer"].trusted


def test_a_peer_without_address_is_nobody() -> None:
    inner, _, _ = through(scope(client=None), "10.0.0.0/8")
    assert inner["extensions"]["footfall.peer"].address == ""


def test_a_refusal_is_told_once_and_says_whose_fault_it_is() -> None:
    inner, sent, told = through(scope(b"//_footfall", [HOST, (b"accept", b"text/html")]))
    assert inner == {} and told == [(b"shop.example", 404)]
    assert sent[0]["fault"] == "visitor" and sent[0]["status"] == 404
    assert (b"cache-control", b"no-store") in sent[0]["headers"]
    assert b"<h1>Not found</h1>" in sent[1]["body"]
    _, sent, _ = through(scope(headers=[HOST, (b"connection", b"upgrade"), (b"upgrade", b"websocket")]))
    assert sent[0]["fault"] == "websocket"
