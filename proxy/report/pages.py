"""From objects to HTML: the templates, and the words and numbers that they use.

Law: everything is escaped; nothing that came from a visitor becomes markup, an attribute's name, a style or a script,
and an address becomes a link only where it is http or https. No style or script stands in a page (guard.py, POLICY).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from proxy.events.event import LANES
from proxy.report import numbers
from proxy.report.charts import UNITS
from proxy.report.chosen import (
    DEVICE,
    DID,
    FAILED,
    PAGE,
    SLOW,
    SOURCE,
    Chosen,
    did_text,
    element_text,
    failed_text,
    page_text,
    source_text,
)
from proxy.report.forms import OUTCOMES, STEPS
from proxy.report.meanings import CARDS
from proxy.report.ranges import DAY_MS, MONTH, MONTH_LABEL, NAMES, around_of
from proxy.report.sheets import SHEET_ROWS
from proxy.report.sifting import GROUPS, group_of
from proxy.store.questions import MOST_FILTERS

HERE = Path(__file__).parent
SHORT_UUID = 8
TEXT_SHOWN_CHARS = 160
"""Of a label, a title or an address; the whole text is in the JSON."""
ADDRESS_CHARS = 4_000
"""Of a link to a filter: a longer one is none, since a server, ours too, may refuse it."""
LANE_COUNTED = {"person": ("person", "people"), "unproven": ("unproven", "unproven"), "bot": ("bot", "bots")}
"""One visitor of a lane, and several."""
LANE_WORDS = {"person": ("People", "person"), "unproven": ("Unproven", "not proven yet"), "bot": ("Bots", "bot")}
CHANNEL_WORDS = {
    "direct": "Direct",
    "search": "Search",
    "social": "Social",
    "campaign": "Campaign",
    "referral": "Link",
    "internal": "Came back",
}
DEVICE_WORDS = {
    "WEB_DESKTOP": "Desktop browser",
    "WEB_MOBILE": "Mobile browser",
    "MOBILE_APP": "Mobile app",
    "SERVER": "Server",
    "SIMULATED": "Made up by the demo",
    None: "Not told",
}
"""Of those that are ours (EVENTS.md section 3); others call themselves what they like."""
DEED_WORDS = {"click": "clicked", "hover": "hovered over", "start": "began", "submit": "sent"}
RANGE_KEYS = {"today": "d", "yesterday": "y", "7d": "w", "30d": "m", "90d": "q"}
"""By which a range is chosen."""
NAV_WORDS = {
    "reload": "reloaded",
    "back_forward": "back or forward",
    "bfcache": "back again",
    "cache": "from the browser's cache",
    "prerender": "loaded in advance",
    "spa": "without a request",
}
WORDS: Mapping[str, object] = {
    "units": {name: unit.word for name, unit in UNITS.items()},
    "lanes": (*reversed(LANES),),
    "lane_words": LANE_WORDS,
    "channel_words": CHANNEL_WORDS,
    "groups": GROUPS,
    "sheet_rows": SHEET_ROWS,
    "meanings": CARDS,
    "most_filters": MOST_FILTERS,
    "longest_address": ADDRESS_CHARS,
    "step_words": STEPS,
    "outcome_words": OUTCOMES,
}
"""What is the same on every page, whatever the site."""
ROW_FILTERS: Mapping[str, Callable[..., Chosen]] = {
    "page_filter": lambda row: Chosen(PAGE, page_text(row["host"], row["path"])),
    "source_filter": lambda row: Chosen(SOURCE, source_text(row)),
    "device_filter": lambda row: Chosen(DEVICE, row["device"]),
    "did_filter": lambda row, action: Chosen(DID, did_text(action, row["host"], row["path"], row["name"])),
    "failed_filter": lambda row: Chosen(FAILED, failed_text(row["status"], row["host"], row["path"])),
    "slow_filter": lambda row: Chosen(SLOW, page_text(row["host"], row["path"])),
}
"""What a row of a card narrows the page to."""


class Templates:
    """Renders pages for one site and one time zone."""

    def __init__(self, *, zone: tzinfo | None, clock_ms: Callable[[], int], site: str, version: str) -> None:
        self._zone = zone
        loader = FileSystemLoader(HERE / "templates")
        self._environment = environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters.update(
            num=numbers.count,
            change=numbers.change,
            points=numbers.points,
            in_all=numbers.share,
            fine_share=numbers.fine_share,
            several=numbers.several,
            lasting=numbers.length,
            link=numbers.link_of,
            path=numbers.path_of,
            lane_counted=lambda number, lane: numbers.several(number, *LANE_COUNTED[lane]),
            cut=cut,
            short=lambda uuid: uuid[:SHORT_UUID],
            clock=lambda ms: numbers.clock(ms, zone),
            day=lambda ms: numbers.day(ms, zone),
            bar_name=lambda ms, unit: UNITS[unit].name(ms, zone),
            day_of=lambda number: numbers.day(number * DAY_MS, UTC),
            iso=lambda ms: numbers.iso(ms, zone),
            moment=lambda ms: numbers.moment(ms, zone, clock_ms()),
            value=value_text,
            detail=detail_of,
            evidence=evidence_text,
            others=others_text,
        )
        environment.globals.update(
            site=site,
            version=version,
            place_of=numbers.place_of,
            beyond_or_place=numbers.beyond_or_place,
            href=href,
            view=view,
            filter_words=filter_words,
            page_text=page_text,
            device_word=device_word,
            trouble_address=trouble_address,
            hovers_address=hovers_address,
            form_address=form_address,
            is_length=numbers.is_length,
            ranges=[*((name, NAMES[name][0], key) for name, key in RANGE_KEYS.items()), (MONTH, MONTH_LABEL, "c")],
            around_of=lambda name: around_of(name, clock_ms(), zone),
            **ROW_FILTERS,
            **WORDS,
        )

    def render(self, name: str, **values: object) -> bytes:
        """A page. What UTF-8 cannot say (a lone surrogate) is replaced."""
        return self._environment.get_template(name).render(values).encode("utf-8", "replace")

    def shown(self, line: dict[str, Any], several_hosts: bool) -> dict[str, Any]:
        """What a line of the live feed shows, as plain text; the page's script puts nothing but text in its place."""
        where = line["where"]["uri"]
        # Only a page.visit's own uri is known to be one; what a click calls by that name may be anything.
        uri = where or line.get("params", {}).get("uri")
        unusual = line["unusual"]
        return {
            "seq": line["seq"],
            "time": line["time"],
            "received": line["received"],
            "clock": numbers.clock(line["time"], self._zone),
            "iso": numbers.iso(line["time"], self._zone),
            "uuid": line["uuid"],
            "who": line["uuid"][:SHORT_UUID],
            "lane": line["lane"],
            "lane_word": LANE_WORDS[line["lane"]][1],
            "kind": line["kind"],
            "group": group_of(line["kind"]),
            "action": line["action"],
            "label": cut(line["label"]),
            "detail": detail_of(line),
            "where": cut(numbers.path_of(uri, several_hosts)) if isinstance(uri, str) and uri else "",
            "evidence": "" if unusual is None else evidence_text(unusual),
        }


def detail_of(line: dict[str, Any]) -> str:
    """What a label leaves out: how long, how far, how it went."""
    params, kind = line.get("params", {}), line["kind"]
    if kind == "hover":
        parts = [f"for {numbers.length(params['dwell_ms'])}" if isinstance(params.get("dwell_ms"), int) else ""]
        parts += ["then clicked" if params.get("clicked") else "", "or longer" if params.get("capped") else ""]
    elif kind == "leave":
        parts = [f"{numbers.length(params['engaged_ms'])} in use" if isinstance(params.get("engaged_ms"), int) else ""]
        parts += [f"scrolled {params['scroll_pct']} %" if "scroll_pct" in params else ""]
    elif kind == "visit":
        nav, status = params.get("nav", "navigate"), params.get("status", 200)
        parts = [NAV_WORDS.get(str(nav), ""), f"answered {status}" if isinstance(status, int) and status >= 400 else ""]
        parts += ["sent a form" if params.get("method") == "POST" else ""]
    elif kind == "field":
        parts = ["" if params.get("filled", True) else "emptied"]
    elif kind == "click":
        via = str(params.get("via", "mouse"))
        parts = ["leads away" if params.get("outbound") else "", "" if via == "mouse" else f"by {via}"]
    else:
        parts = []
    return cut(", ".join(part for part in parts if part))


def cut(text: object, most: int = TEXT_SHOWN_CHARS) -> str:
    """A text of a bearable length."""
    shown = str(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def evidence_text(evidence: dict[str, Any]) -> str:
    """`8.2 s (usually 1.1 s, 412 hovers)`."""
    usual, number = numbers.length(evidence["usual_ms"]), numbers.several(evidence["usual_n"], "hover", "hovers")
    return f"{numbers.length(evidence['dwell_ms'])} (usually {usual}, {number})"


def others_text(others: dict[str, int]) -> str:
    """What the sessions of all other sources are of."""
    if not others["sources"]:
        return numbers.several(others["more_origins"], "rarer origin", "rarer origins")
    least = "at least " if others["more_origins"] else ""
    return f"{least}{numbers.several(others['sources'], 'more source', 'more sources')}"


def value_text(value: object) -> str:
    """A form field's value as text: lists with commas, yes and no for true and false."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return str(value)


def href(path: str, **params: object) -> str:
    """An address within the report; what is None is left out."""
    return _address(path, params.items())


def view(
    path: str, model: dict[str, Any], *, more: Chosen | None = None, less: int | None = None, **params: object
) -> str:
    """The address of a page like this one, of the same range, lane and filters, and about the same thing, but for one
    filter `more`, or without the one at the place `less`, and but for `params`."""
    of = (model.get("of") or {}).get("text")
    same = {"range": model["range"]["name"], "lane": model.get("lane"), "of": of}
    filters = [(one["key"], one["value"]) for place, one in enumerate(model.get("filters", ())) if place != less]
    filters += [more] if more is not None and more not in filters else []
    return _address(path, [*{**same, **params}.items(), *filters])


def device_word(device: str | None) -> str:
    """What sessions came with, in words."""
    return DEVICE_WORDS.get(device) or str(device)


def trouble_address(model: dict[str, Any], key: str, text: str) -> str | None:
    """The page of what people did after an error or a slow page, as `form_address`."""
    address = view("/errors", model, of=f"{key} {text}")
    return address if len(address) <= ADDRESS_CHARS else None


def form_address(model: dict[str, Any], row: dict[str, Any]) -> str | None:
    """The page of a form, of the same range, lane and filters; None where a server may refuse its address."""
    address = view("/forms", model, of=element_text(row["host"], row["path"], row["name"]))
    return address if len(address) <= ADDRESS_CHARS else None


def hovers_address(model: dict[str, Any], row: dict[str, Any]) -> str | None:
    """The page of an element that is hovered over, as `form_address` is that of a form."""
    address = view("/attention", model, of=did_text(row["action"], row["host"], row["path"], row["name"]))
    return address if len(address) <= ADDRESS_CHARS else None


def _address(path: str, pairs: Iterable[tuple[str, object]]) -> str:
    query = urlencode([(name, value) for name, value in pairs if value is not None])
    return f"{path}?{query}" if query else path


def filter_words(told: dict[str, Any], several_hosts: bool) -> tuple[str, str]:
    """What sessions of a filter have in common, in a word or two, and with what."""
    kind, where = told["kind"], numbers.place_of(told.get("host", ""), told.get("path", ""), several_hosts)
    if kind == "came":
        return "came from", "no referrer" if told["channel"] == "direct" else told["text"]
    if kind == "saw":
        return "saw", where
    if kind == DEVICE:
        return "came with", device_word(told["text"])
    if kind in (FAILED, SLOW):
        return ("met", f"{told['text']} on {where}") if kind == FAILED else ("waited for", where)
    context, _, what = kind.partition(".")
    word = DEED_WORDS.get(what, what)
    return word, f"{told['text']}, {'form' if context == 'form' else context} on {where}"
