"""What `footfall report` prints: configuration in, the report room's answers out.

Law: whoever reads the report reads the store only; nothing here is in the way of a visitor.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

from proxy.clock import now_ms
from proxy.report import terminal
from proxy.report.chosen import KEYS, Chosen, is_filter
from proxy.report.ranges import local, midnight
from proxy.store.questions import MOST_FILTERS
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Config

FILTERS = (
    "page=HOST/PATH, source=CHANNEL NAME, did=ACTION HOST/PATH NAME, device=SOURCE, failed=STATUS HOST/PATH "
    "or slow=HOST/PATH"
)
"""As they are typed."""


def read_filters(texts: Sequence[str]) -> list[Chosen]:
    """Filters as they are typed, `page=shop.example/range`. Raises ValueError: something is none, or there are too
    many."""
    if len(texts) > MOST_FILTERS:
        raise ValueError(f"{MOST_FILTERS} times at the most, not {len(texts)}")
    found = []
    for text in texts:
        key, _, value = text.partition("=")
        if key not in KEYS or not is_filter(key, value):
            raise ValueError(f"must be {FILTERS}, not {text!r}")
        found.append(Chosen(key, value))
    return found


def summarise(
    config: Config, *, days: int, chosen: Sequence[Chosen], as_json: bool, width: int, colour: bool
) -> Iterator[str]:
    """What the report says of the last days, today included, of all sessions or those that filters pick, as lines for a
    terminal. Raises StoreError."""
    zone, now = config.report.zone, now_ms()
    today = local(now, zone).date()
    # Until the day is over, although nothing can have happened then: whole days are counted already.
    since_ms, until_ms = midnight(today - timedelta(days=days - 1), zone), midnight(today + timedelta(days=1), zone)
    span = {"since_ms": since_ms, "until_ms": until_ms, "now_ms": now}
    with contextlib.closing(SqliteQuestions(config.store_path)) as reader:
        if as_json:
            yield from terminal.as_json(reader, chosen=chosen, zone=zone, **span)
        else:
            yield from terminal.summary(reader, chosen=chosen, zone=zone, width=width, colour=colour, **span)
