"""The events that footfall knows by itself (EVENTS.md section 4): their params, who sends them, what they do.

Law: a table, no code that decides. A site's own definitions come on top (proxy/definitions.py) and cannot loosen it.
"""

from collections.abc import Mapping
from dataclasses import replace

from proxy.events.catalogue import (
    DWELL_MAX_MS,
    ENGAGED_MAX_MS,
    NAME_MAX_CHARS,
    REFOCUS_MAX,
    TERM_MAX_CHARS,
    Catalogue,
    Definition,
    Param,
)
from proxy.events.labels import CONTEXTS, TEMPLATES

VIAS = ("mouse", "touch", "pen", "keyboard", "middle")
BROWSER_NAVS = ("manual", "spa")
"""How a page.visit that is an event of its own came about; the other ways are told by a confirmation."""

ORDER_MAX_CHARS = 100
"""Of an order's number, or a currency's name."""

_NAME = Param("string", required=True, max_chars=NAME_MAX_CHARS, place="name")
_FORM = Param("string", required=True, max_chars=NAME_MAX_CHARS, place="name")
_URI = Param("uri", required=True)
_MORE_URI = Param("uri")
_TEXT = Param("string")
_FLAG = Param("boolean", place="facts")
_COUNT = Param("measure", most=2**53 - 1)
_TERM = Param("string", max_chars=TERM_MAX_CHARS, place="facts")
_DWELL = Param("measure", most=DWELL_MAX_MS, place="amount")
_UTM = dict.fromkeys(("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"), _TERM)

_HOVER = {"name": _NAME, "dwell_ms": replace(_DWELL, required=True), "clicked": _FLAG, "capped": _FLAG}
_CLICK = {
    "name": _NAME,
    "href": Param("uri", place="facts"),
    "outbound": _FLAG,
    "via": Param("string", choices=VIAS, place="facts"),
}
_REASONS = ("timeout", "max_length", "identity", "opt_out")
_OUTCOMES = ("accepted", "rejected", "error")


def _from_browser(action: str, params: Mapping[str, Param], *, opens: bool = True, is_open: bool = False) -> Definition:
    both = action == "button.click"
    label = TEMPLATES[action]
    return Definition(action, params, anonymous=True, opens=opens, is_open=is_open, from_api=both, label=label)


def _from_app(action: str, params: Mapping[str, Param]) -> Definition:
    return Definition(action, params, opens=True, is_open=True, from_api=True, label=TEMPLATES[action])


def _from_server(action: str, params: Mapping[str, Param], *, keeps: bool = False, is_open: bool = False) -> Definition:
    return Definition(action, params, keeps=keeps, is_open=is_open, label=TEMPLATES[action])


_SESSION_START = {
    "uri": _URI,
    "referrer": _MORE_URI,
    "source": _TEXT,
    "language": _TEXT,
    **_UTM,
    "trigger": _TEXT,
    "ip": _TEXT,
}
_SESSION_END = {
    "reason": Param("string", required=True, choices=_REASONS),
    "duration_ms": replace(_COUNT, required=True),
    "pages": replace(_COUNT, required=True),
    "events": replace(_COUNT, required=True),
    "uri": _MORE_URI,
}
_PAGE_VISIT = {
    "uri": _URI,
    "nav": Param("string", required=True, choices=BROWSER_NAVS, default="manual", place="facts"),
    "title": _TEXT,
    "referrer": _MORE_URI,
    **_UTM,
}
_PAGE_LEAVE = {
    "engaged_ms": Param("measure", required=True, most=ENGAGED_MAX_MS, place="amount"),
    "scroll_pct": Param("measure", most=100, place="facts"),
}
_FORM_START = {"form": _FORM, "field": Param("string", max_chars=NAME_MAX_CHARS)}
_FIELD_CHANGE = {
    "form": _FORM,
    "field": Param("string", required=True, max_chars=NAME_MAX_CHARS),
    "filled": replace(_FLAG, required=True),
    "dwell_ms": _DWELL,
    "capped": _FLAG,
    "refocus": Param("measure", most=REFOCUS_MAX, place="facts"),
    "value": Param("any"),
}
_FORM_SUBMIT = {
    "form": _FORM,
    "fields": Param("object", required=True, each=True),
    "skipped": Param("object", each=True),
    "to": Param("uri", place="facts"),
    "asks": Param("uri", place="facts"),
}
_FORM_RESULT = {
    "form": _FORM,
    "status": replace(_COUNT, required=True),
    "outcome": Param("string", required=True, choices=_OUTCOMES),
    "redirect": _MORE_URI,
}
_APP_NAME = {"name": replace(_NAME, place="more")}

_ORDER = replace(_TEXT, required=True, max_chars=ORDER_MAX_CHARS, is_own_number=True)
_TRANSACTION = {
    "orderId": _ORDER,
    "value": Param("number"),
    "revenue": Param("number"),
    "currency": replace(_TEXT, max_chars=ORDER_MAX_CHARS),
    "products": replace(_COUNT, required=True),
}
_PRODUCT = {
    "orderId": _ORDER,
    "sku": replace(_TEXT, required=True, max_chars=NAME_MAX_CHARS, articles=True),
    "name": _TEXT,
    "quantity": Param("number", required=True),
    "finalUnitPrice": Param("number"),
    "currency": replace(_TEXT, max_chars=ORDER_MAX_CHARS),
}

SHIPPED = Catalogue(
    (
        _from_server("session.start", _SESSION_START),
        _from_server("session.end", _SESSION_END),
        Definition(
            "page.visit",
            _PAGE_VISIT,
            anonymous=True,
            opens=True,
            is_open=True,
            server_made=frozenset(("status", "method", "upstream_ms")),
            label=TEMPLATES["page.visit"],
        ),
        _from_browser("page.leave", _PAGE_LEAVE, opens=False),
        *(_from_browser(f"{context}.hover", _HOVER, is_open=True) for context in CONTEXTS),
        *(_from_browser(f"{context}.click", _CLICK, is_open=True) for context in CONTEXTS),
        _from_browser("form.start", _FORM_START),
        _from_browser("field.change", _FIELD_CHANGE, opens=False),
        _from_browser("form.submit", _FORM_SUBMIT, is_open=True),
        _from_server("form.result", _FORM_RESULT, keeps=True),
        _from_app("screen.view", _APP_NAME),
        _from_app("screen.click", _APP_NAME),
        *(_from_app(f"client.{what}", {}) for what in ("applicationStarted", "login", "logout")),
        _from_server("transaction.charge", _TRANSACTION, keeps=True, is_open=True),
        _from_server("product.buy", _PRODUCT, keeps=True, is_open=True),
    )
)
"""The table of EVENTS.md section 4. `button.click` is one definition for browsers and apps."""
