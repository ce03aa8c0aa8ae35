"""Numbers, lengths of time and addresses as people read them. Pure; the same on the pages and in the terminal."""

from datetime import datetime, tzinfo
from urllib.parse import urlsplit

from proxy.report.ranges import local

THIN = "\N{NARROW NO-BREAK SPACE}"
NONE = "–"
MINUS = "\N{MINUS SIGN}"
MOST_PER_CENT = 999
"""Of a change that is told: beyond it stands a plus."""
LONGEST_MS = 10**12
"""Longer than any time is: some thirty years."""


def count(number: int | None) -> str:
    """`1 234`, with a space that does not break."""
    return NONE if number is None else f"{number:,}".replace(",", THIN)


def several(number: int | None, one: str, many: str) -> str:
    """`1 page view`, `2 page views`."""
    return f"{count(number)} {one if number == 1 else many}"


def length(ms: int | None) -> str:
    """A length of time in two units at the most: `340 ms`, `8.2 s`, `1 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if ms is None:
        return NONE
    if ms < 1_000:
        return f"{ms}{THIN}ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f}{THIN}s"
    seconds = (ms + 500) // 1000
    for big, small, size, unit in (("min", "s", 60, 1), ("h", "min", 3_600, 60), ("d", "h", 86_400, 3_600)):
        if seconds < size * (60 if big == "min" else 24) or big == "d":
            whole, rest = divmod(seconds, size)
            return f"{whole}{THIN}{big}" + (f" {rest // unit}{THIN}{small}" if rest // unit else "")
    return NONE


def is_length(name: str, value: object) -> bool:
    """Whether a param's value is a length of time, ms; what a page calls its own params is its affair."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return name.endswith("_ms") and value < LONGEST_MS


def ratio(part: int, whole: int) -> float | None:
    """`part / whole`, two digits; None where there is no whole."""
    return round(part / whole, 2) if whole else None


def fine_ratio(part: int, whole: int) -> float | None:
    """The same with four digits, of what may be rare."""
    return round(part / whole, 4) if whole else None


def share(part: float | None) -> str:
    """A part of a whole: `47 %`."""
    return NONE if part is None else f"{part * 100:.0f}{THIN}%"


def fine_share(part: float | None) -> str:
    """The same with a decimal where it is small: `0.4 %`."""
    return NONE if part is None else f"{part * 100:.{1 if part < 0.1 else 0}f}{THIN}%"


def clock(ms: int, zone: tzinfo | None) -> str:
    return f"{local(ms, zone):%H:%M:%S}"


def day(ms: int, zone: tzinfo | None) -> str:
    moment = local(ms, zone)
    return f"{moment:%a} {moment.day} {moment:%b} {moment.year}"


def moment(ms: int, zone: tzinfo | None, now_ms: int) -> str:
    """`14:03` today, `Mon 3 Jun, 14:03` otherwise."""
    then, now = local(ms, zone), local(now_ms, zone)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%a} {then.day} {then:%b}, {then:%H:%M}"


def iso(ms: int, zone: tzinfo | None) -> str:
    """For <time datetime=...>."""
    return local(ms, zone).isoformat(timespec="milliseconds")


def hour_label(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def day_label(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}"


def month_label(moment: datetime) -> str:
    return f"{moment:%b} {moment.year}"


def change(now: float | None, then: float | None) -> str:
    """How much more or less than before: `↑ 12 %`; '' where one of them is not known, or there was nothing before."""
    if now is None or not then:
        return ""
    part = round(100 * (now - then) / then)
    if part == 0:
        return "as before"
    many = count(min(abs(part), MOST_PER_CENT)) + ("+" if abs(part) > MOST_PER_CENT else "")
    return f"{'↑' if part > 0 else '↓'} {many}{THIN}%"


def points_between(now: float | None, then: float | None) -> int | None:
    """How many percentage points a share is above what it was before; None where one of them is not known."""
    return None if now is None or then is None else round(100 * (now - then))


def points(number: int | None) -> str:
    """The same in words: `+3 points`, `−1 point`; '' where it is not known."""
    if not number:
        return "" if number is None else "as before"
    return f"{'+' if number > 0 else MINUS}{several(abs(number), 'point', 'points')}"


def path_of(uri: str | None, with_host: bool = False) -> str:
    """An address as a place on the site: path and query, with the host before them where there are several."""
    if not uri:
        return NONE
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.netloc + path if with_host else path


def place_of(host: str | None, path: str | None, with_host: bool) -> str:
    """The same of a host and a path; a path that is '' or None is not known."""
    shown = (host or "") if with_host else ""
    return f"{shown}{path}" if path else f"page not known{shown and f', {shown}'}"


def beyond_or_place(host: str, path: str, with_host: bool) -> str:
    """The same where '' and '' stand for all pages that were too many to be told apart."""
    return place_of(host, path, with_host) if host or path else "other pages"


def link_of(uri: object) -> str | None:
    """An address that may be put into an href: absolute http or https, nothing else (never `javascript:`)."""
    if not isinstance(uri, str) or not uri.startswith(("http://", "https://")):
        return None
    return None if any(ord(char) <= 32 or ord(char) == 127 for char in uri) else uri
