"""A line of an access log: what nginx and Apache write, read back; what is none says why."""

import contextlib
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.reconciling.log import Malformed, Request, read_line

PLAIN = b'203.0.113.9 - - [31/Jan/2026:18:30:05 +0000] "GET /a?b=1 HTTP/1.1" 200 512 "https://x.example/" "Fox/1"'
AT = int(datetime(2026, 1, 31, 18, 30, 5, tzinfo=UTC).timestamp()) * 1000


def line(
    request=b"GET /a HTTP/1.1", *, when=b"31/Jan/2026:18:30:05 +0000", rest=b'200 512 "-" "Fox/1"', who=b"::1 - -"
):
    return b'%b [%b] "%b" %b' % (who, when, request, rest)


def test_a_plain_line():
    assert read_line(PLAIN) == Request(AT, "GET", b"/a", b"b=1", 200, b"https://x.example/", b"Fox/1")


@pytest.mark.parametrize(
    "who",
    [
        b"2001:db8::1 - -",
        b"203.0.113.9 - Jane Doe",
        b"203.0.113.9 - a]b[c",
        b"unix: - -",
        b"host.example ident jane",
        b"shop.example:443 203.0.113.9 - -",  # Apache's vhost_combined
        b"- - -",
    ],
)
def test_who_asked_may_be_anything(who):
    assert read_line(line(who=who)).path == b"/a"


@pytest.mark.parametrize(
    ("when", "at"),
    [
        (b"31/Jan/2026:18:30:05 +0000", AT),
        (b"31/Jan/2026:19:30:05 +0100", AT),
        (b"31/Jan/2026:13:00:05 -0530", AT),
        (b"01/Feb/2026:08:30:05 +1400", AT),
        (b"31/Jan/2026:18:30:60 +0000", AT + 55_000),  # a leap second
        (b"29/Feb/2024:00:00:00 +0000", 1_709_164_800_000),
        (b"01/Jan/1970:00:00:00 +0000", 0),
    ],
)
def test_times_are_utc_whatever_the_zone(when, at):
    assert read_line(line(when=when)).time == at


@pytest.mark.parametrize(
    "when",
    [
        b"31/Feb/2026:18:30:05 +0000",
        b"29/Feb/2026:18:30:05 +0000",
        b"31/Foo/2026:18:30:05 +0000",
        b"00/Jan/2026:18:30:05 +0000",
        b"31/Jan/0000:18:30:05 +0000",
        b"31/Jan/2026:24:00:00 +0000",
        b"31/Jan/2026:18:60:05 +0000",
        b"31/Jan/2026:18:30:61 +0000",
        b"31/Jan/2026:18:30:05 +9900",
        b"31/Jan/2026:18:30:05 +2400",
    ],
)
def test_a_time_that_is_none_is_said(when):
    with pytest.raises(Malformed, match="no such date, time or zone"):
        read_line(line(when=when))


@pytest.mark.parametrize(
    ("request_", "method", "path", "query"),
    [
        (b"GET / HTTP/2.0", "GET", b"/", b""),
        (b"GET / HTTP/3", "GET", b"/", b""),
        (b"GET /", "GET", b"/", b""),
        (b"GET /a b?c d HTTP/1.1", "GET", b"/a b", b"c d"),
        (b"GET /a??b=1?2 HTTP/1.1", "GET", b"/a", b"?b=1?2"),
        (b"GET http://shop.example/a?b HTTP/1.1", "GET", b"/a", b"b"),
        (b"GET http://shop.example HTTP/1.1", "GET", b"/", b""),
        (b"GET http://shop.example?q=1 HTTP/1.1", "GET", b"/", b"q=1"),
        (b"OPTIONS * HTTP/1.1", "OPTIONS", b"*", b""),
        (b"CONNECT a.example:443 HTTP/1.1", "CONNECT", b"a.example:443", b""),
        (rb"GET /\x22q\x22?\x5Cx=\xC3\xA4 HTTP/1.1", "GET", b'/"q"', b"\\x=\xc3\xa4"),  # nginx
        (rb"GET /\"q\"?\\x=\xc3\xa4\t HTTP/1.1", "GET", b'/"q"', b"\\x=\xc3\xa4\t"),  # Apache
        (b"GET /\xff\xfe HTTP/1.1", "GET", b"/\xff\xfe", b""),
        (b"-", "", b"", b""),
        (b"", "", b"", b""),
        (rb"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", "", b"", b""),
        (b"GARBAGE", "", b"", b""),
        (b"GET  HTTP/1.1", "", b"", b""),
    ],
)
def test_what_was_asked_for(request_, method, path, query):
    found = read_line(line(request_))
    # `GET  HTTP/1.1` may be a target that is called HTTP/1.1; whoever writes that is not served either.
    if request_ == b"GET  HTTP/1.1":
        assert found.method in ("", "GET")
        return
    assert (found.method, found.path, found.query) == (method, path, query)


@pytest.mark.parametrize(
    ("rest", "referrer", "agent"),
    [
        (b'200 512 "-" "-"', b"", b""),
        (b'200 - "" ""', b"", b""),
        (rb'200 512 "https://x.example/?q=\"a\"" "Fox \"1\" \\ \x22"', b'https://x.example/?q="a"', b'Fox "1" \\ "'),
        (b'200 512 "-" "\xff\xfe\xc3"', b"", b"\xff\xfe\xc3"),
        (b'200 512 "-" "Fox/1" "203.0.113.9" 0.004 0.003', b"", b"Fox/1"),
        (b'200 512 "-" "' + b"x" * 50_000 + b'"', b"", b"x" * 50_000),
    ],
)
def test_referrer_and_agent(rest, referrer, agent):
    found = read_line(line(rest=rest))
    assert (found.referrer, found.agent) == (referrer, agent)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"no line at all",
        PLAIN[:-1],
        PLAIN.replace(b"] ", b"]"),
        PLAIN.replace(b" 200 ", b" 20 "),
        PLAIN.replace(b" 200 ", b" abc "),
        PLAIN.replace(b"31/Jan", b"31/jan"),
        b'{"time": "2026-01-31T18:30:05+00:00", "status": 200}',
        PLAIN + b"x",
    ],
)
def test_what_is_no_line_is_said(text):
    with pytest.raises(Malformed, match="not in Combined Log Format"):
        read_line(text)


def test_the_common_log_format_is_told_by_its_name():
    with pytest.raises(Malformed, match="Common, not Combined"):
        read_line(PLAIN.rpartition(b' "https')[0])


@given(st.binary(max_size=300))
def test_no_bytes_are_too_much_for_it(text):
    for one in (text, line(text.replace(b'"', b"")), line(rest=b'200 1 "-" "' + text)):
        try:
            found = read_line(one)
        except Malformed as wrong:
            assert str(wrong) and "\n" not in str(wrong)
        else:
            assert isinstance(found, Request) and 0 <= found.status <= 999


@given(st.binary(max_size=80).filter(lambda agent: agent != b"-"))
def test_what_nginx_escapes_comes_back_as_it_was_sent(agent):
    escaped = b"".join(
        b"\\x%02X" % byte if byte < 0x20 or byte > 0x7E or byte in b'"\\' else bytes((byte,)) for byte in agent
    )
    assert read_line(line(rest=b'200 1 "-" "%b"' % escaped)).agent == agent


def test_a_hostile_line_takes_no_longer_than_its_length():
    begun = time.monotonic()
    for hostile in (b"[" * 60_000, b'\\"' * 30_000, b'" "' * 20_000, b"a [01/Jan/2026:" * 4_000, b"\\" * 60_000):
        for text in (hostile, line(hostile), line(rest=b'200 1 "-" "' + hostile), line(who=hostile)):
            with contextlib.suppress(Malformed):
                read_line(text)
    assert time.monotonic() - begun < 5  # 60,000 squared are minutes
