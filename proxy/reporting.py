"""What `footfall report` prints: configuration in, the report room's answers out.

Law: whoever reads the report reads the store only; nothing here is in the way of a visitor.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta

from proxy.clock import now_ms
from proxy.definitions import catalogue_of
from proxy.report import terminal
from proxy.report.chosen import KEYS, Chosen, is_filter
from proxy.report.pages import href
from proxy.report.ranges import local, midnight, spanning
from proxy.report.screens import SCREENS, Asked, Screen
from proxy.store.questions import MOST_FILTERS
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Config
from proxy.vocabulary import as_plain

FILTERS = (
    "page=HOST/PATH, source=CHANNEL NAME, did=ACTION HOST/PATH NAME, device=SOURCE, failed=STATUS HOST/PATH "
    "or slow=HOST/PATH"
)
"""As they are typed."""
QUOTED_CHARS = 80
"""Of what is wrong."""


def read_filters(texts: Sequence[str]) -> list[Chosen]:
    """Filters as they are typed, `page=shop.example/range`. Raises ValueError: something is none, or there are too
    many."""
    if len(texts) > MOST_FILTERS:
        raise ValueError(f"{MOST_FILTERS} times at the most, not {len(texts)}")
    found = []
    for text in texts:
        key, _, value = text.partition("=")
        if key not in KEYS or not is_filter(key, value):
            raise ValueError(f"must be {FILTERS}, not {text[:QUOTED_CHARS]!r}")
        found.append(Chosen(key, value))
    return found


def page_about(page: str, of: str | None) -> Screen | None:
    """The page that is asked for, None for the overview. Raises ValueError: it is not about such a thing."""
    shown = SCREENS.get(page)
    if of is not None and (shown is None or not shown.named):
        raise ValueError(f"is for {', '.join(name for name, one in SCREENS.items() if one.named)}")
    if of is not None and shown is not None and not shown.is_named(of):
        raise ValueError(f"must be {shown.named}, not {of[:QUOTED_CHARS]!r}")
    return shown


def address(config: Config, page: str, of: str | None, token: str) -> str:
    """Where the report, or a page of it, is opened."""
    path = f"/{page}" if page in SCREENS else "/"
    return f"http://{config.report.listen}{href(path, of=of, token=token)}"


def summarise(
    config: Config,
    *,
    page: Screen | None = None,
    of: str | None = None,
    days: int,
    chosen: Sequence[Chosen],
    as_json: bool,
    width: int,
    colour: bool,
) -> Iterator[str]:
    """What the overview, or another page (`of` something), says of the last days, today included, of all sessions or
    those that filters pick, as lines for a terminal. Raises StoreError."""
    zone, now = config.report.zone, now_ms()
    today = local(now, zone).date()
    # Until the day is over, although nothing can have happened then: whole days are counted already.
    since_ms, until_ms = midnight(today - timedelta(days=days - 1), zone), midnight(today + timedelta(days=1), zone)
    span = {"since_ms": since_ms, "until_ms": until_ms, "now_ms": now}
    catalogue = catalogue_of(config.events)
    with contextlib.closing(SqliteQuestions(config.store_path, labels=catalogue.labels)) as reader:
        if page is not None:
            asked = Asked(spanning(since_ms, until_ms, zone), chosen, of or "", as_plain(catalogue))
            if as_json:
                yield from terminal.screen_as_json(reader, page, asked)
            else:
                yield from terminal.screen(reader, page, asked, zone=zone, width=width, colour=colour)
        elif as_json:
            yield from terminal.as_json(reader, chosen=chosen, zone=zone, **span)
        else:
            yield from terminal.summary(reader, chosen=chosen, zone=zone, width=width, colour=colour, **span)
