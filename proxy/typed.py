"""What may be typed for a value on the command line. Pure.

Law: text to what it means, or one line that says what it must be.
"""

import argparse
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

MOST_WORKERS = 64
MOST_VISITORS = 1_000
MOST_DAYS = 400
MOST_WINDOW_SECONDS = 600
MOST_LINES = 10_000
MOST_PAGES = 10_000

_UNIX_MS = re.compile(r"[0-9]{12,14}")  # 2001 to 5138
_SERVER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _between(text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be 1 to {most}, not {text!r}")
    return int(text)


def file(text: str) -> Path:
    if not text or text.endswith("/") or Path(text).name in ("", ".."):
        raise argparse.ArgumentTypeError(f"must be the path of a file, not {text!r}")
    return Path(text)


def visitors(text: str) -> int:
    return _between(text, MOST_VISITORS)


def window(text: str) -> int:
    return _between(text, MOST_WINDOW_SECONDS)


def lines(text: str) -> int:
    return _between(text, MOST_LINES)


def page(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that are no address, a port that is no number
        is_good = False
    if not is_good or "@" in parts.netloc:
        raise argparse.ArgumentTypeError(f"must be an address, http(s)://host[:port][/path], not {text!r}")
    return text


def pages(text: str) -> int:
    return _between(text, MOST_PAGES)


def days(text: str) -> int:
    return _between(text, MOST_DAYS)


def workers(text: str) -> int:
    return _between(text, MOST_WORKERS)


def server(text: str) -> str:
    if not _SERVER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be 1 to 32 letters, digits, '-' or '_', not {text!r}")
    return text


def visitor(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a UUID, not {text!r}") from None


def since(text: str) -> int:
    """Unix ms of the moment, or of the day's first."""
    return _moment(text, timedelta())


def until(text: str) -> int:
    """Unix ms of the moment, or of the first one after the day: what is asked for lies before it."""
    return _moment(text, timedelta(days=1))


def _moment(text: str, whole_day: timedelta) -> int:
    if _UNIX_MS.fullmatch(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if _DAY.fullmatch(text):
            moment += whole_day
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be a date (2026-01-31), a time (2026-01-31T18:30) or Unix ms, not {text!r}"
        ) from None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
