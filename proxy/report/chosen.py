"""Filters as an address says them, and what they mean: `page=shop.example/range`, `source=search google.com`,
`did=banner.click shop.example/range Spring sale`.

Law: pure but for the one look at where sessions came from. Whatever is odd is no filter, so that an address that was
typed, cut off or grown old is no error; a filter that nothing meets shows nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.events.event import LANES, is_action
from proxy.report.channels import merge
from proxy.store.questions import MOST_FILTERS, CameFrom, Did, Filter, Origin, ReportReader, Saw, Span

PAGE, SOURCE, DID = "page", "source", "did"
KEYS = (PAGE, SOURCE, DID)
TEXT_CHARS = 4_000
"""Of a filter: a path and a name at their longest are below."""
ORIGINS_READ = 5_000
"""Distinct origins, of all times, among which those of a source are looked for."""
EVER = 2**62
_DID = re.compile(r"(?P<action>[^ ]+) (?P<place>(?:[^\\ ]|\\.)*) (?P<name>.+)", re.DOTALL)
_SPECIAL, _ESCAPED = re.compile(r"[\\ ]"), re.compile(r"\\(.)", re.DOTALL)
CAMPAIGN = " · "


class Chosen(NamedTuple):
    """One filter, as it is in an address."""

    key: str
    text: str


def chosen_of(pairs: Iterable[tuple[str, str]]) -> tuple[Chosen, ...]:
    """The filters of a query, each once, in their order; the first `MOST_FILTERS` of them."""
    found = dict.fromkeys(Chosen(key, text) for key, text in pairs if key in KEYS and is_filter(key, text))
    return tuple(found)[:MOST_FILTERS]


def is_filter(key: str, text: str) -> bool:
    """Whether a text is one of this key."""
    if not text or len(text) > TEXT_CHARS:
        return False
    return key == SOURCE or _act_of(Chosen(key, text)) is not None


def page_text(host: str, path: str) -> str:
    return f"{host}{path}"


def did_text(action: str, host: str, path: str, name: str) -> str:
    """What was done on an element or a form; `path` is '' where its page is not known. A page's address has no spaces;
    one that has, all the same, has them with a backslash here."""
    place = _SPECIAL.sub(r"\\\g<0>", f"{host}{path}")
    return f"{action} {place} {name}"


def source_text(source: Mapping[str, Any]) -> str:
    """A source's channel, name and campaign."""
    campaign = "" if source["campaign"] is None else f"{CAMPAIGN}{source['campaign']}"
    return f"{source['channel']} {source['name']}{campaign}"


def filters_of(reader: ReportReader, chosen: Sequence[Chosen]) -> list[Filter]:
    """What the store is asked for. A source is all origins that are put together to it, in any lane, at any time."""
    found: list[Filter] = [act for one in chosen if one.key != SOURCE and (act := _act_of(one)) is not None]
    wanted = [one.text for one in chosen if one.key == SOURCE]
    if wanted:
        origins = _origins(reader)
        found += [CameFrom(tuple(origins.get(text, ()))) for text in wanted]
    return found


def _origins(reader: ReportReader) -> dict[str, list[Origin]]:
    """{the text of a source: its origins}"""
    found: dict[str, dict[Origin, None]] = {}
    for lane in range(len(LANES)):
        for row in reader.sources(Span(0, EVER, lane), ORIGINS_READ).rows:
            sources, _ = merge((row,))
            for source in sources:
                text = source_text({"channel": source.channel, "name": source.name, "campaign": source.campaign})
                origin = Origin(row.referrer, row.utm_source, row.utm_medium, row.utm_campaign, row.host)
                found.setdefault(text, {})[origin] = None
    return {text: list(origins) for text, origins in found.items()}


def told_of(one: Chosen) -> dict[str, str]:
    """A filter as an object: `kind` (saw, came, or the last part of an action), `text`, and `host` and `path` of its
    page."""
    act = _act_of(one)
    told = {"key": one.key, "value": one.text}
    if act is None:
        channel, _, name = one.text.partition(" ")
        return {**told, "kind": "came", "text": name, "channel": channel}
    if isinstance(act, Saw):
        return {**told, "kind": "saw", "text": act.path, "host": act.host, "path": act.path}
    return {**told, "kind": act.action, "text": act.name, "host": act.host, "path": act.path}


def _act_of(one: Chosen) -> Saw | Did | None:
    """What a page's or an element's filter asks for; None where it is neither."""
    if one.key == PAGE:
        host, slash, path = one.text.partition("/")
        return Saw(host, slash + path) if host and slash else None
    found = _DID.fullmatch(one.text)
    if one.key != DID or found is None or not is_action(found["action"]):
        return None
    host, slash, path = _ESCAPED.sub(r"\1", found["place"]).partition("/")
    return Did(found["action"], host, slash + path, found["name"])
