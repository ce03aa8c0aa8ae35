"""One line of an access log in Combined Log Format, as nginx and Apache write it.

Law: pure and total: whatever the bytes are, the result is a `Request` or a `Malformed` that says in one line what is
wrong. Text stays bytes: a log is in no encoding.

    address identity user [31/Jan/2026:18:30:00 +0100] "GET /a HTTP/1.1" 200 512 "referrer" "User-Agent" ...

Escapes: nginx writes `\\x22` for what it will not write (quotes, backslashes, below space, above `~`), Apache `\\"`,
`\\\\`, `\\n` and `\\x7f`. What follows the User-Agent is passed over (both are often told to write more), as is a
virtual host in front.
"""

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

LINE_MAX_BYTES = 64 * 1024
"""nginx takes a request line of 32 KiB at the most, and each of its bytes may be four in the log."""
FUTURE_MS = 86_400_000
"""A line that is so much later than now was not written by a clock that can be compared with ours."""

_QUOTED = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LINE = re.compile(
    rb"\S.*?\[(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-]\d{2})(\d{2})\] "
    + _QUOTED
    + rb" (\d{3}) (?:\d+|-)(?: "
    + _QUOTED
    + b" "
    + _QUOTED
    + rb"(?: .*)?)?",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"v": b"\v"}
_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S.*?)(?: HTTP/\d(?:\.\d)?)?", re.DOTALL)
_ORIGIN = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_MONTHS = {name: at for at, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
_DAYS_REMEMBERED = 64


class Malformed(ValueError):
    """A line that is none; the message says why."""


class Request(NamedTuple):
    """What a line tells. `time`: UTC ms of its whole second, when the answer was sent (nginx) or the request came
    (Apache). `method` '': there was no request that could be read. `path` and `query` as they were sent; `agent` b'':
    none was sent."""

    time: int
    method: str
    path: bytes
    query: bytes
    status: int
    referrer: bytes
    agent: bytes


def read_line(text: bytes) -> Request:
    """Read a line without its end.

    Raises:
        Malformed: it is none.
    """
    found = _LINE.fullmatch(text)
    if found is None:
        raise Malformed("not in Combined Log Format")
    day, month, year, hour, minute, second, zone_hours, zone_minutes, request, status, referrer, agent = found.groups()
    if referrer is None:
        raise Malformed("without referrer and User-Agent: Common, not Combined Log Format")
    begin = _midnight(day, month, year, zone_hours, zone_minutes)
    hours, minutes, seconds = int(hour), int(minute), int(second)
    if begin is None or hours > 23 or minutes > 59 or seconds > 60:
        raise Malformed("no such date, time or zone")
    method, path, query = _target(_plain(request))
    time = begin + ((hours * 60 + minutes) * 60 + seconds) * 1000
    return Request(time, method, path, query, int(status), _value(referrer), _value(agent))


@lru_cache(maxsize=_DAYS_REMEMBERED)
def _midnight(day: bytes, month: bytes, year: bytes, zone_hours: bytes, zone_minutes: bytes) -> int | None:
    """UTC ms of a day's begin in its zone; None where there is no such day or zone."""
    ahead = timedelta(hours=abs(int(zone_hours)), minutes=int(zone_minutes))
    try:
        zone = timezone(-ahead if zone_hours.startswith(b"-") else ahead)
        begin = datetime(int(year), _MONTHS.get(month, 0), int(day), tzinfo=zone)
        return (begin - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def _plain(text: bytes) -> bytes:
    """What was escaped, as it was sent."""
    return _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),)) if found[1] else _LETTERS.get(found[2], found[2])


def _value(text: bytes) -> bytes:
    """A field's value; `-` stands for none."""
    return b"" if text == b"-" else _plain(text)


def _target(request: bytes) -> tuple[str, bytes, bytes]:
    """Method, path and query; '' and nothing where the request line is none (`-`, a TLS handshake)."""
    found = _REQUEST.fullmatch(request)
    if found is None:
        return "", b"", b""
    target = found[2]
    if not target.startswith(b"/") and (origin := _ORIGIN.match(target)):
        target = target[origin.end() :]
        target = target if target.startswith(b"/") else b"/" + target
    path, _, query = target.partition(b"?")
    return found[1].decode("ascii"), path, query
