"""What the parser lets through is well-formed, so nobody behind it has to look again (RFC 9110 5.1, 5.5)."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.http.parser import CallbackError, ParserError, RequestParser, Upgrade, answer_parser

NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
STARTS = {"request": b"GET / HTTP/1.1\r\n", "answer": b"HTTP/1.1 200 OK\r\n"}
PLACES = (b"x: a%bb", b"x: %bb", b"x: b%b", b"a%bb: v", b"%bb: v", b"b%b: v", b"x: a\r\n%bb: c", b"x: a\r%bb: c")
PIECES = [b"a", b"X-y", b":", b" ", b"\r\n", b"\n", b"\r", b"\t", b"\0", b"\x7f", b"\x80", b"\r\n ", b"\x0b", b"\x1f"]

EITHER = pytest.mark.parametrize("kind", STARTS)


class Seen:
    def __init__(self):
        self.fields, self.complete = [], False

    def on_header(self, name, value):
        self.fields.append((name, value))

    def on_headers_complete(self):
        self.complete = True


def fields_of(kind, lines):
    """The fields of a head that was read to its end; None where it was refused, or is not at its end."""
    seen = Seen()
    parser = RequestParser(seen) if kind == "request" else answer_parser(seen)
    try:
        parser.feed_data(STARTS[kind] + b"host: a\r\n" + lines + b"\r\n\r\n")
    except (ParserError, CallbackError, Upgrade):
        return None
    return seen.fields if seen.complete else None


def well_formed(fields):
    return all(NAME.fullmatch(name) and VALUE.fullmatch(value) for name, value in fields)


@EITHER
def test_f1_no_byte_gets_into_a_name_or_a_value_that_does_not_belong_there(kind):
    passed = 0
    for place in PLACES:
        for code in range(256):
            fields = fields_of(kind, place.replace(b"%b", bytes([code])))
            assert fields is None or well_formed(fields), (place, code, fields)
            passed += fields is not None
    assert passed > 4 * 128


@EITHER
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=9))
@example(pieces=[b"a", b":", b" ", b"\x80"])
def test_f1_nor_does_any_mixture_of_them(kind, pieces):
    fields = fields_of(kind, b"".join(pieces))
    assert fields is None or well_formed(fields)
