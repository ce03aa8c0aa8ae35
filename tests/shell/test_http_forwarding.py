"""What reaches upstream, and what comes back: targets, fields, framing, over real sockets."""

import pytest
from wire import TOKEN, Seen, Wire, always, ok, origin, proxying, serving

from proxy.asgi import Receive, Scope, Send

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n"


def test_a_page_passes_unchanged_with_its_fields_in_order() -> None:
    fields = b"x-a: 1\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2, c\r\nx-a: 2\r\n"
    with origin(always(ok(b"<p>hi</p>", fields))) as site, proxying(site.url) as proxy:
        answer = proxy.get(b"/a?b=c")
    assert answer.status == 200 and answer.body == b"<p>hi</p>"
    assert [f for f in answer.fields if f[0] in (b"x-a", b"set-cookie")] == [
        (b"x-a", b"1"),
        (b"set-cookie", b"a=1; Path=/"),
        (b"set-cookie", b"b=2, c"),
        (b"x-a", b"2"),
    ]
    assert site.seen[0].line == b"GET /a?b=c HTTP/1.1"


def test_t1_no_cookie_of_one_visitor_travels_with_another() -> None:
    with origin(always(ok(b"x", b"set-cookie: sid=A; Path=/\r\n"))) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(2):
            wire.send(REQUEST + b"\r\n")
            wire.answer()
        proxy.get(b"/")
    assert len(site.seen) == 3
    assert all(seen.all(b"cookie") == [] for seen in site.seen)


TARGETS = [
    b"/a%2Fb",
    b"//x",
    b"/./",
    b"/a%2Fb//c/../d",
    b"/..;/",
    b"/%00",
    b"/%zz",
    "/caf\u00e9?q=\u00fc".encode(),
    b"/\xff\xfe",
    b'/"<>|^`{}\\',
    b"/a?",
    b"/a??b=?",
    b"/a?b#c",
    b"/?" + b"q" * 8192,
    b"/" + b"p" * 8192,
]


@pytest.mark.parametrize("target", TARGETS)
def test_t2_targets_arrive_exactly_as_sent(target: bytes) -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        assert proxy.get(target).status == 200
    assert site.seen[0].line == b"GET " + target + b" HTTP/1.1"


def test_t2_a_high_byte_target_arrives_whole_when_it_comes_byte_by_byte() -> None:
    request = "GET /caf\u00e9 HTTP/1.1\r\nHost: a\r\nX-N: \u00fc\r\n\r\n".encode()
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for start in range(len(request)):
            wire.send(request[start : start + 1])
        assert wire.answer().status == 200
        wire.send(request)
        assert wire.answer().status == 200
    assert [seen.line for seen in site.seen] == ["GET /caf\u00e9 HTTP/1.1".encode()] * 2
    assert site.seen[0].all(b"x-n") == ["\u00fc".encode()]


def test_t2_a_high_byte_target_behind_another_request_in_one_write_arrives_as_sent() -> None:
    targets = [b"/1", "/caf\u00e9".encode(), b"/3", b"/\xff?\xfe", b"/5"]
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        for fields in (b"", b"X-N: \xfc\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"):
            wire = proxy.connect()
            wire.send(b"".join(b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (target, fields) for target in targets))
            assert [wire.answer().status for _ in targets] == [200] * 5
    assert [seen.line.split()[1] for seen in site.seen] == targets * 3


def test_t2_absolute_form_becomes_a_path_and_its_authority_the_host() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        assert proxy.get(b"http://other.example:81/x?y").status == 200
        assert proxy.get(b"http://user@other.example/x").status == 400
        assert proxy.get(b"ftp://other.example/x").status == 400
    assert site.seen[0].line == b"GET /x?y HTTP/1.1"
    assert site.seen[0].all(b"host") == [b"other.example:81"]


def test_t3_nothing_is_added_but_what_an_intermediary_must_say() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        proxy.get(b"/")
    assert [name for name, _ in site.seen[0].fields] == [
        b"host",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"via",
    ]
    assert site.seen[0].all(b"x-forwarded-for") == [b"127.0.0.1"]
    assert site.seen[0].all(b"via") == [b"1.1 " + TOKEN]


def test_t5_date_and_server_are_upstreams_own() -> None:
    theirs = b"date: Tue, 15 Nov 1994 08:12:31 GMT\r\nserver: theirs\r\n"
    with origin(always(ok(b"x", theirs))) as site, proxying(site.url) as proxy:
        answer = proxy.get()
        assert answer.all(b"date") == [b"Tue, 15 Nov 1994 08:12:31 GMT"]
        assert answer.all(b"server") == [b"theirs"]
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        answer = proxy.get()
        assert len(answer.all(b"date")) == 1 and answer.all(b"server") == []


def test_t10_http_1_0_gets_no_chunks() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with origin(always(chunked)) as site, proxying(site.url) as proxy:
        answer = proxy.ask(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        assert answer.all(b"transfer-encoding") == []
        assert answer.all(b"connection") == [b"close"]
        assert answer.body == b"abcde" and answer.whole
        assert proxy.get().body == b"abcde"
    assert site.seen[0].all(b"via") == [b"1.0 " + TOKEN]


@pytest.mark.parametrize("status", [204, 304])
def test_t11_answers_without_body_have_no_length_and_keep_the_connection(status: int) -> None:
    data = b'HTTP/1.1 %d X\r\ncontent-length: 5\r\netag: W/"x"\r\n\r\n' % status
    with origin(always(data)) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(3):
            wire.send(REQUEST + b"\r\n")
            answer = wire.answer()
            assert answer.status == status and answer.all(b"content-length") == []
            assert answer.all(b"transfer-encoding") == [] and answer.get(b"etag") == b'W/"x"'
        assert site.connections == 1


@pytest.mark.parametrize("framing", [b"content-length: 7090", b"transfer-encoding: chunked", b"content-length: 0"])
def test_t11_head_keeps_its_length_and_the_connection(framing: bytes) -> None:
    with origin(always(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(3):
            wire.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = wire.answer("HEAD")
            assert answer.status == 200
            assert answer.all(b"content-length") == ([framing[16:]] if b"length" in framing else [])
            assert answer.all(b"transfer-encoding") == []
        assert site.connections == 1


def test_t12_interim_answers_trailers_and_phrases_are_dropped() -> None:
    data = (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 Sure Thing\r\ntransfer-encoding: chunked\r\n"
        b"trailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\nset-cookie: evil=1\r\n\r\n"
    )
    with origin(always(data)) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(2):
            wire.send(REQUEST + b"TE: trailers\r\n\r\n")
            answer = wire.answer()
            assert (answer.status, answer.body) == (200, b"abc")
            assert {b"trailer", b"link", b"x-sum", b"set-cookie"}.isdisjoint(name for name, _ in answer.fields)
        assert site.connections == 1
    assert site.seen[0].all(b"te") == []


def test_t12_trailers_never_join_the_fields_of_the_next_answer() -> None:
    trailers = b"x-sum: 1\r\nset-cookie: sid=A\r\ncontent-type: text/evil\r\ntransfer-encoding: x\r\n"
    first = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + trailers + b"\r\n"
    answers = iter((first, ok(b"next"), first, first))

    def one_after_the_other(wire: Wire, _: Seen) -> bool:
        wire.send(next(answers))
        return True

    with origin(one_after_the_other) as site, proxying(site.url) as proxy:
        for body in (b"abc", b"next", b"abc", b"abc"):
            answer = proxy.get(b"/")  # each on a connection of its own, as another visitor
            assert (answer.status, answer.body) == (200, body)
            assert {b"x-sum", b"set-cookie"}.isdisjoint(name for name, _ in answer.fields)
            assert b"text/evil" not in answer.all(b"content-type")
        assert site.connections == 1


def test_t2_a_line_feed_in_a_target_with_high_bytes_is_malformed() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        for target in (b"/\xff\nX-Evil: 1", b"/\xff\rX", b"/\xff\0", b"/\xff\tx"):
            wire = proxy.connect()
            wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            assert wire.answer().status == 400
    assert not site.seen


def test_f1_trailers_of_a_request_never_join_its_fields() -> None:
    body = b"3\r\nabc\r\n0\r\nhost: evil\r\ncookie: admin=1\r\n\r\n"
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(2):
            wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
            assert wire.answer().status == 200
    assert [(s.all(b"host"), s.all(b"cookie"), s.body) for s in site.seen] == [([b"a"], [], b"abc")] * 2


def test_f2_request_framing_is_written_anew() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: 5 \r\n\r\nhello")
        wire.answer()
        wire.send(b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n")
        wire.answer()
        wire.send(b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        wire.answer()
        wire.send(b"DELETE /n HTTP/1.1\r\nHost: a\r\n\r\n")
        wire.answer()
    framing = [(s.all(b"content-length"), s.all(b"transfer-encoding"), s.body) for s in site.seen]
    assert framing == [([b"5"], [], b"hello"), ([], [b"chunked"], b"hello"), ([b"0"], [], b""), ([], [], b"")]


def test_f2_a_body_that_ends_with_the_connection_is_chunked_for_the_visitor() -> None:
    with origin(always(b"HTTP/1.0 200 OK\r\n\r\nabc", keep=False)) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(2):
            wire.send(REQUEST + b"\r\n")
            answer = wire.answer()
            assert (answer.body, answer.whole) == (b"abc", True)
            assert answer.all(b"transfer-encoding") == [b"chunked"]


async def _liar(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    length = scope["raw_path"][1:]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": b"12345", "more_body": False})


def test_f2_a_stated_length_is_enforced_on_the_application() -> None:
    with serving(_liar) as server:
        assert server.get(b"/5").whole
        short = server.get(b"/9")
        assert not short.whole
        long = server.connect()
        long.send(b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"45" not in long.rest().partition(b"\r\n\r\n")[2]


def test_f3_transfer_encoding_wins_and_the_connection_closes() -> None:
    data = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with origin(always(data)) as site, proxying(site.url) as proxy:
        for count in (1, 2):
            answer = proxy.get()
            assert answer.body == b"abc" and answer.whole and answer.all(b"content-length") == []
            assert site.connections == count


BROKEN = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999999999\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\ncontent-length: 0000000000000000004\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx : a\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
    b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n",
    b"HTTP/1.1 103 Early\r\n\r\n" * 20,
    b"HTTP/1.1 200 OK\r\nx: y\r\n",
    b"",
]


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: repr(data[:48]))
def test_f3_an_answer_that_is_not_http_is_a_502(data: bytes) -> None:
    with origin(always(data, keep=False)) as site, proxying(site.url) as proxy:
        answer = proxy.get(b"/", b"Accept: text/html\r\n")
        assert answer.status == 502 and answer.get(b"cache-control") == b"no-store"
        assert proxy.upstream is not None and proxy.upstream.busy_connections == 0


@pytest.mark.parametrize("status", [99, 600, 700, 999])
def test_t13_an_impossible_status_is_a_502(status: int) -> None:
    data = b"HTTP/1.1 %03d X\r\ncontent-length: 0\r\n\r\n" % status
    with origin(always(data)) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(2):
            wire.send(REQUEST + b"\r\n")
            assert wire.answer().status == 502


def test_f3_bytes_behind_an_answer_end_the_connection() -> None:
    data = ok(b"abc") + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"
    with origin(always(data)) as site, proxying(site.url) as proxy:
        for count in (1, 2, 3):
            assert proxy.get().body == b"abc"
            assert site.connections == count


def test_f6_hop_by_hop_fields_stop_here_and_connection_names_only_what_it_may() -> None:
    request = (
        b"Connection: x-secret, cookie, x-forwarded-for, content-type\r\nX-Secret: 1\r\nCookie: a=1\r\n"
        b"Keep-Alive: 5\r\nContent-Type: text/x\r\nTE: gzip\r\nProxy-Connection: close\r\n"
    )
    back = b"connection: x-hop, set-cookie\r\nx-hop: 1\r\nset-cookie: b=2\r\nkeep-alive: timeout=5\r\n"
    with origin(always(ok(b"x", back))) as site, proxying(site.url) as proxy:
        answer = proxy.get(b"/", request)
    names = {name for name, _ in site.seen[0].fields}
    assert names == {
        b"host",
        b"cookie",
        b"content-type",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"via",
    }
    assert answer.all(b"set-cookie") == [b"b=2"]
    assert answer.all(b"x-hop") == answer.all(b"keep-alive") == []


def test_f5_an_upgrade_nobody_takes_is_an_ordinary_request_with_its_body() -> None:
    fields = b"Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST /1 HTTP/1.1\r\n" + fields + b"Content-Length: 31\r\n\r\nGET /evil HTTP/1.1\r\n")
        wire.send(b"Host: b\r\n\r\nGET /2 HTTP/1.1\r\n" + fields + b"\r\n")
        assert [wire.answer().status, wire.answer().status] == [200, 200]
        wire.send(b"PUT /3 HTTP/1.1\r\n" + fields + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
        assert wire.answer().status == 200
    assert [s.line.split()[1] for s in site.seen] == [b"/1", b"/2", b"/3"]
    assert [s.body for s in site.seen] == [b"GET /evil HTTP/1.1\r\nHost: b\r\n\r\n", b"", b"ab"]
    assert all(not s.all(b"upgrade") and not s.all(b"http2-settings") for s in site.seen)


def test_f7_cookies_pass_byte_for_byte() -> None:
    cookie = b'a="x; y"; b=;; c=\xff  ; d=1'
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        proxy.get(b"/", b"Cookie: " + cookie + b"\r\nCookie: e=2\r\n")
    assert site.seen[0].all(b"cookie") == [cookie, b"e=2"]


def test_f8_forwarding_fields_of_strangers_are_replaced_and_aliases_dropped() -> None:
    fields = (
        b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=1.2.3.4\r\n"
        b"X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: evil\r\nContent_Length: 4\r\nX_Fine: 1\r\nVia: 1.0 fred\r\n"
    )
    with origin(always(ok(b"x", b"via: 1.1 cache\r\n"))) as site, proxying(site.url) as proxy:
        answer = proxy.get(b"/", fields)
    seen = site.seen[0]
    assert seen.all(b"x-forwarded-for") == [b"127.0.0.1"]
    assert seen.all(b"x-forwarded-proto") == [b"http"]
    assert seen.all(b"x-forwarded-host") == [b"shop.example"]
    assert seen.all(b"forwarded") == [b'for=127.0.0.1;proto=http;host="shop.example"']
    assert [name for name, _ in seen.fields if b"_" in name] == [b"x_fine"]
    assert seen.all(b"via") == [b"1.0 fred", b"1.1 " + TOKEN]
    assert answer.all(b"via") == [b"1.1 cache", b"1.1 " + TOKEN]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_f8_via_names_the_version_that_was_received(version: bytes) -> None:
    with origin(always(ok().replace(b"HTTP/1.1", b"HTTP/" + version), keep=False)) as site, proxying(site.url) as proxy:
        assert proxy.get().all(b"via") == [version + b" " + TOKEN]


def test_pipelined_requests_are_answered_in_order() -> None:
    def echo(wire: Wire, seen: Seen) -> bool:
        wire.send(ok(seen.line.split()[1]))
        return True

    with origin(echo) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(50)))
        assert [wire.answer().body for _ in range(50)] == [b"/%d" % n for n in range(50)]
