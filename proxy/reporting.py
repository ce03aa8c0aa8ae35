"""The report's process, and what `footfall report` prints: configuration in, the report room's answers out.

Law: whoever reads the report reads the store only; nothing here is in the way of a visitor.
"""

import contextlib
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from socket import socket

from proxy import secretfile
from proxy.definitions import catalogue_of
from proxy.http.server import run
from proxy.report import terminal
from proxy.report.app import make_report
from proxy.report.chosen import KEYS, Chosen, is_filter
from proxy.report.ranges import local, midnight
from proxy.store.questions import MOST_FILTERS
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Config
from proxy.visitors.customers import Customers

TOKEN_BYTES = 24
STOP_SECONDS = 2
"""For answers under way; live feeds never end by themselves."""
HERE = frozenset(("localhost", "127.0.0.1", "::1"))
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


def load_token(path: Path) -> str:
    """The report's password, made on first start. Raises SecretFileError."""
    return secretfile.load(path, _parse_token, lambda: f"{secrets.token_urlsafe(TOKEN_BYTES)}\n")


def inspect_token(path: Path) -> str | None:
    """What is wrong with the password's file, in one line; None where it is good, or not there yet."""
    return secretfile.inspect(path, _parse_token)


def run_report(
    config: Config,
    token: str,
    site: str,
    version: str,
    sockets: list[socket],
    lifeline: int,
    *,
    customer_keys: Sequence[bytes],
) -> int:
    """The report's process: serve it on the sockets until the signal or the parent's end. `site` is the address where
    visitors connect; `customer_keys` (visitors/customers.py, `mark_keys`) find a customer, and sign nothing."""
    address, labels = config.report.listen_address, catalogue_of(config.events).labels
    host = address[0] if address is not None else "localhost"
    app = make_report(
        lambda: SqliteQuestions(config.store_path, labels=labels),
        marks_of=Customers(customer_keys).marks,
        token=token,
        hosts=HERE | {host, *config.report.hosts},
        zone=config.report.zone,
        clock_ms=lambda: time.time_ns() // 1_000_000,
        site=config.site.public_origin or site,
        version=version,
    )
    return run(
        app,
        sockets=sockets,
        refused=lambda host, status: None,
        lifeline=lifeline,
        graceful_seconds=STOP_SECONDS,
        stopping=app.stop,
    )


def read_filters(texts: Sequence[str]) -> list[Chosen]:
    """Filters as they are typed, `page=shop.example/range`. Raises ValueError: something is none, or there are too
    many."""
    if len(texts) > MOST_FILTERS:
        raise ValueError(f"{MOST_FILTERS} times at the most, not {len(texts)}")
    found = []
    for text in texts:
        key, _, value = text.partition("=")
        if key not in KEYS or not is_filter(key, value):
            kinds = "page=HOST/PATH, source=CHANNEL NAME or did=ACTION HOST/PATH NAME"
            raise ValueError(f"must be {kinds}, not {text!r}")
        found.append(Chosen(key, value))
    return found


def summarise(
    config: Config, *, days: int, chosen: Sequence[Chosen], as_json: bool, width: int, colour: bool
) -> Iterator[str]:
    """What the report says of the last days, today included, of all sessions or those that filters pick, as lines for a
    terminal. Raises StoreError."""
    zone, now_ms = config.report.zone, time.time_ns() // 1_000_000
    today = local(now_ms, zone).date()
    # Until the day is over, although nothing can have happened then: whole days are counted already.
    since_ms, until_ms = midnight(today - timedelta(days=days - 1), zone), midnight(today + timedelta(days=1), zone)
    span = {"since_ms": since_ms, "until_ms": until_ms, "now_ms": now_ms}
    with contextlib.closing(SqliteQuestions(config.store_path)) as reader:
        if as_json:
            yield from terminal.as_json(reader, chosen=chosen, zone=zone, **span)
        else:
            yield from terminal.summary(reader, chosen=chosen, zone=zone, width=width, colour=colour, **span)


def _parse_token(text: str) -> str:
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise ValueError("must be one line of 16 to 128 letters, digits, '-' or '_'; remove it to have a new one made")
    return token
