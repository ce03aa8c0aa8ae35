"""From what is known of a browser to the page that says it: the templates, and the words and numbers that they use.

Law: everything is escaped; what came from a browser is text, never markup, an attribute's name, a link, a style or a
script. The page loads nothing from anywhere: its style stands in it, and the policy names that style by its hash.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from proxy.events.event import Event
from proxy.events.labels import label_of

HERE = Path(__file__).parent / "templates"
TEXT_SHOWN_CHARS = 160
"""Of a label, an address or a value; the whole of it is in the file."""
SHOWN_MS = 50
"""The shortest length of time that is told: a tenth of a second, rounded."""
THIN = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Promises:
    """What the page says of this site's configuration: how many days things are kept (0: for ever), whether some kinds
    of events are kept for another time, how many days the cookie lives, after how many minutes without activity a
    session is over, whether forms may be recorded, whether the site has events of its own, the zone in which times are
    told (None: the machine's), and whether a session keeps the network that it came from."""

    retention_days: int
    has_other_times: bool
    cookie_days: int
    session_minutes: int
    forms: bool
    own_events: bool
    zone: tzinfo | None
    networks: bool = False


class Templates:
    """Renders the pages; `prefix` is where footfall's own addresses begin."""

    def __init__(self, promises: Promises, prefix: str) -> None:
        style = (HERE / "style.css").read_text("utf-8").strip()
        digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
        self.policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        self._zone = promises.zone
        self._environment = environment = Environment(
            loader=FileSystemLoader(HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(num=number_text, several=several, cut=cut, day=self.day, moment=self.moment)
        environment.globals.update(style=style, promises=promises, here=f"{prefix}/privacy")

    def render(self, name: str, **values: object) -> bytes:
        """A page. What UTF-8 cannot say (a lone surrogate) is replaced."""
        return self._environment.get_template(name).render(values).encode("utf-8", "replace")

    def days(self, events: Sequence[Event]) -> list[tuple[str, list[dict[str, str]]]]:
        """Events by the day on which they were, in the order in which they come."""
        return [
            (day, [self._line(event) for event in group])
            for day, group in groupby(events, key=lambda event: self.day(event.time))
        ]

    def _line(self, event: Event) -> dict[str, str]:
        then = self._local(event.time)
        label = label_of(event.action, event.params) if event.label is None else event.label
        return {
            "iso": then.isoformat(timespec="seconds"),
            "clock": f"{then:%H:%M}",
            "label": cut(label),
            "detail": cut(detail_of(event)),
            "kind": "page" if event.action == "page.visit" else "other",
        }

    def day(self, ms: int) -> str:
        """`27 November 2026`."""
        then = self._local(ms)
        return f"{then.day} {then:%B %Y}"

    def moment(self, ms: int) -> str:
        """`27 November 2026, 19:41 UTC`."""
        return f"{self.day(ms)}, {self._local(ms):%H:%M %Z}".strip()

    def _local(self, ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, self._zone).astimezone(self._zone)


def detail_of(event: Event) -> str:
    """What a label leaves out and whoever it is about should see: where, how long, and what was typed."""
    params, parts = event.params, []
    if event.action == "page.visit":
        parts.append(path_of(params.get("uri")))
    if event.action == "session.start" and "ip" in params:
        parts.append(f"from the network {params['ip']}")
    for key, word in (("dwell_ms", "for"), ("engaged_ms", "in use for")):
        length = params.get(key)
        parts.append(f"{word} {length / 1000:.1f} s" if isinstance(length, int) and length >= SHOWN_MS else "")
    fields = params.get("fields")
    if isinstance(fields, Mapping):
        parts += [f"{name}: {value_text(value)}" for name, value in fields.items()]
    parts.append(f"“{value_text(params['value'])}”" if "value" in params else "")
    return ", ".join(part for part in parts if part)


def path_of(uri: object) -> str:
    """Path and query of an address."""
    try:
        parts = urlsplit(str(uri))
    except ValueError:  # brackets that are no address
        return str(uri)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def value_text(value: object) -> str:
    """A field's value as text: lists with commas, yes and no for true and false."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(value_text, value)) if isinstance(value, list | tuple) else str(value)


def cut(text: object) -> str:
    """A text of a bearable length."""
    shown = str(text)
    return shown if len(shown) <= TEXT_SHOWN_CHARS else shown[: TEXT_SHOWN_CHARS - 1] + "…"


def number_text(number: int) -> str:
    """`1 234`, with a space that does not break."""
    return f"{number:,}".replace(",", THIN)


def several(number: int, one: str, many: str) -> str:
    """`1 page view`, `2 page views`."""
    return f"{number_text(number)} {one if number == 1 else many}"
