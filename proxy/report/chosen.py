"""Filters as an address says them, and what they mean: `page=shop.example/range`, `source=search google.com`,
`did=banner.click shop.example/range Spring sale`, `failed=404 shop.example/range`, `slow=shop.example/range`,
`device=WEB_MOBILE`.

Law: pure but for the one look at where sessions came from. Whatever is odd is no filter, so that an address that was
typed, cut off or grown old is no error; a filter that nothing meets shows nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from proxy.events.event import LANES, is_action
from proxy.events.labels import CONTEXTS
from proxy.report.channels import CHANNELS, merge
from proxy.store.questions import (
    MOST_FILTERS,
    CameFrom,
    CameWith,
    Did,
    Failed,
    Filter,
    Origin,
    ReportReader,
    Saw,
    Span,
    Touched,
    Waited,
)

PAGE, SOURCE, DID, FAILED, SLOW, DEVICE = "page", "source", "did", "failed", "slow", "device"
KEYS = (PAGE, SOURCE, DID, FAILED, SLOW, DEVICE)
HOVERS = frozenset(f"{context}.hover" for context in CONTEXTS)
TEXT_CHARS = 4_000
"""Of a filter: a path and a name at their longest are below."""
SOURCES_READ = 5_000
"""Distinct origins read before they are put together to sources; sessions from rarer ones are only counted."""
EVER = 2**62
"""Unix ms that no event reaches."""
_ELEMENT = re.compile(r"(?P<place>(?:[^\\ ]|\\.)*) (?P<name>.+)", re.DOTALL)
_FAILED = re.compile(r"(?P<status>[4-9][0-9][0-9]) (?P<page>.+)", re.DOTALL)
_DOT = re.compile(r"[\\·]")
_SPECIAL, _ESCAPED = re.compile(r"[\\ ]"), re.compile(r"\\(.)", re.DOTALL)
CAMPAIGN = " · "
"""Between the name of a source and its campaign."""


class Chosen(NamedTuple):
    """One filter, as it is in an address."""

    key: str
    text: str


def chosen_of(pairs: Iterable[tuple[str, str]]) -> tuple[Chosen, ...]:
    """The filters of a query, each once, in their order; the first `MOST_FILTERS` of them."""
    found = dict.fromkeys(_plain(Chosen(key, text)) for key, text in pairs if key in KEYS and is_filter(key, text))
    return tuple(found)[:MOST_FILTERS]


def _plain(one: Chosen) -> Chosen:
    """A filter in the one spelling that the report's own addresses have."""
    act = _act_of(one)
    return Chosen(DID, did_text(*act)) if isinstance(act, Did) else one


def is_filter(key: str, text: str) -> bool:
    """Whether a text is one of this key."""
    if not is_text(text):
        return False
    if key == SOURCE:
        channel, _, name = text.partition(" ")
        return channel in CHANNELS and name != ""
    return _act_of(Chosen(key, text)) is not None


def is_text(text: str) -> bool:
    """Whether a text of an address can be one of the store's."""
    return 0 < len(text) <= TEXT_CHARS and not any(map(_is_surrogate, text))


def _is_surrogate(char: str) -> bool:
    """Half a character, as of bytes that are no UTF-8: no text of the store has one."""
    return "\ud800" <= char <= "\udfff"


def page_text(host: str, path: str) -> str:
    return f"{host}{path}"


def failed_text(status: int, host: str, path: str) -> str:
    """A page that came with an error."""
    return f"{status} {page_text(host, path)}"


def did_text(action: str, host: str, path: str, name: str) -> str:
    """What was done on an element or a form."""
    return f"{action} {element_text(host, path, name)}"


def element_text(host: str, path: str, name: str) -> str:
    """An element or a form; `path` is '' where its page is not known. A page's address has no spaces; one that has, all
    the same, has them with a backslash here."""
    place = _SPECIAL.sub(r"\\\g<0>", f"{host}{path}")
    return f"{place} {name}"


def element_of(text: str) -> Touched | None:
    """The element or form that a text names; None where it names none."""
    found = _ELEMENT.fullmatch(text)
    if found is None or not is_text(text):
        return None
    host, slash, path = _ESCAPED.sub(r"\1", found["place"]).partition("/")
    return Touched(host, slash + path, found["name"])


def source_text(source: Mapping[str, Any]) -> str:
    """A source's channel, name and campaign. A dot in the name that would look like what is between these has a
    backslash."""
    name = _DOT.sub(r"\\\g<0>", source["name"])
    campaign = "" if source["campaign"] is None else f"{CAMPAIGN}{source['campaign']}"
    return f"{source['channel']} {name}{campaign}"


def filters_of(reader: ReportReader, chosen: Sequence[Chosen], since: int, until: int) -> list[Filter]:
    """What the store is asked for. A source is all origins that are put together to it, in any lane: of those that are
    the most frequent in the time that is asked about, and of all times, since a session may have begun before."""
    found: list[Filter] = [act for one in chosen if one.key != SOURCE and (act := _act_of(one)) is not None]
    wanted = [one.text for one in chosen if one.key == SOURCE]
    if wanted:
        origins = _origins(reader, ((since, until), (0, EVER)))
        found += [CameFrom(tuple(origins.get(text, ()))) for text in wanted]
    return found


def _origins(reader: ReportReader, times: Iterable[tuple[int, int]]) -> dict[str, list[Origin]]:
    """{the text of a source: its origins}"""
    found: dict[str, dict[Origin, None]] = {}
    spans = [Span(*time, lane) for time in times for lane in range(len(LANES))]
    for span in spans:
        for row in reader.sources(span, SOURCES_READ).rows:
            sources, _ = merge((row,))
            for source in sources:
                text = source_text(asdict(source))
                origin = Origin(row.referrer, row.utm_source, row.utm_medium, row.utm_campaign, row.host)
                found.setdefault(text, {})[origin] = None
    return {text: list(origins) for text, origins in found.items()}


def told_of(one: Chosen) -> dict[str, str]:
    """A filter as an object: `kind` (saw, came, failed, slow, device, or an action), `text`, `host` and `path` of its
    page."""
    act = _act_of(one)
    told = {"key": one.key, "value": one.text}
    if act is None:
        channel, _, name = one.text.partition(" ")
        return {**told, "kind": "came", "text": name, "channel": channel}
    if isinstance(act, CameWith):
        return {**told, "kind": DEVICE, "text": act.device}
    where = {"host": act.host, "path": act.path}
    if isinstance(act, Failed):
        return {**told, "kind": FAILED, "text": f"{act.status}", **where}
    if isinstance(act, Saw | Waited):
        return {**told, "kind": "saw" if isinstance(act, Saw) else SLOW, "text": act.path, **where}
    return {**told, "kind": act.action, "text": act.name, **where}


def page_of(text: str) -> Saw | None:
    """The page that a text names as a page's filter does; None where it names none."""
    found = _act_of(Chosen(PAGE, text)) if is_filter(PAGE, text) else None
    return found if isinstance(found, Saw) else None


def hovered_of(text: str) -> Did | None:
    """The element that a text names as its hovers' filter does; None where it names none."""
    found = _act_of(Chosen(DID, text)) if is_filter(DID, text) else None
    return found if isinstance(found, Did) and found.action in HOVERS else None


def trouble_of(text: str) -> Failed | Waited | None:
    """What went wrong, as a filter of either kind says it; None where it names nothing."""
    for key in (FAILED, SLOW):
        own, _, rest = text.partition(" ")
        found = _act_of(Chosen(key, rest)) if own == key and is_filter(key, rest) else None
        if isinstance(found, Failed | Waited):
            return found
    return None


def _act_of(one: Chosen) -> Saw | Did | Failed | Waited | CameWith | None:
    """What a filter asks for that is no source's; None where it is none of these."""
    if one.key == DEVICE:
        return CameWith(one.text)
    failed = _FAILED.fullmatch(one.text) if one.key == FAILED else None
    if one.key in (PAGE, SLOW) or failed is not None:
        host, slash, path = (one.text if failed is None else failed["page"]).partition("/")
        if not slash or host.rstrip(":") != host or not host:  # as of "https://"
            return None
        if failed is not None:
            return Failed(host, slash + path, int(failed["status"]))
        return (Saw if one.key == PAGE else Waited)(host, slash + path)
    action, _, element = one.text.partition(" ")
    found = element_of(element)
    return Did(action, *found) if one.key == DID and found is not None and is_action(action) else None
