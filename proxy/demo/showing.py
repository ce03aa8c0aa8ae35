"""A page that is shown to a simulated visitor: what the tracker would do there, done by hand (WIRE.md, "Beacon").

Law: what is told was really found on the page, and happened just then; the same names, the same params and the same
moments of sending as in the tracker's own messages. A page without its tag, or whose tracker is not to be had or is
asleep, tells nothing.
"""

import base64
import binascii
import http.client
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from proxy.demo.browser import Browser
from proxy.demo.pages import Element, Field, Form, Page

SOON_SECONDS = 0.7
RETRY_SECONDS = (1.0, 4.0, 15.0)
UNTAGGED_HOVER_MS = 1_000
FLAGS_BYTE = 17
ASLEEP = 4
SETTINGS = re.compile(r"\}\)\((\{[^{}]*\})\);?\s*\Z")
"""The last line of the tracker: how it was configured."""
USUAL_SETTINGS = {"click": "auto", "hover": "auto", "hoverMin": 300, "forms": True, "leave": True}
Settings = Mapping[str, Any]
Wait = Callable[[float], None]
Count = Callable[[int, int], None]


class Showing:
    """One showing of a page. `wait` is given seconds and may raise, when all is to end; `count` the numbers of events
    that the collector took and that it did not."""

    def __init__(self, browser: Browser, page: Page, url: str, referrer: str, wait: Wait, count: Count) -> None:
        self.page = page
        self.url = url
        self.referrer = referrer
        self._browser = browser
        self._wait = wait
        self._count = count
        self._settings = self._load_tracker()
        self._view = str(uuid.uuid4())
        self._confirm: dict[str, str] = {}
        self._waiting: list[tuple[float, dict[str, object]]] = []
        self._due = 0.0
        self._failures = 0
        self._began = time.monotonic()
        self._begun: set[str] = set()

    def _load_tracker(self) -> Settings | None:
        """How the tracker is configured; None where it does not run."""
        tag = self.page.page_id
        if not tag or not self.page.tracker:
            return None
        answer = self._browser.load(urljoin(self.url, self.page.tracker), self.url, "script")
        if answer.status != 200 or answer.kind != "text/javascript":
            return None
        try:
            asleep = base64.urlsafe_b64decode(tag + "=")[FLAGS_BYTE] & ASLEEP
        except (binascii.Error, IndexError):
            return None
        found = SETTINGS.search(answer.text)
        try:
            settings = json.loads(found[1]) if found else {}
        except ValueError:
            settings = {}
        return None if asleep else {**USUAL_SETTINGS, **settings}

    # What happens -----------------------------------------------------------------------------------------------------

    def begin(self, nav: str) -> None:
        """The page is there: at once."""
        self._confirm = {
            "id": self._view,
            "uri": self.url,
            "title": self.page.title,
            "referrer": self.referrer,
            "nav": nav,
        }
        self._flush()

    def hovered(self, element: Element, dwell_ms: int, *, clicked: bool = False) -> None:
        """The pointer has rested on it."""
        settings = self._settings
        if settings is None or not self._watches(element, "hover"):
            return
        least = settings["hoverMin"] if element.tagged else max(UNTAGGED_HOVER_MS, settings["hoverMin"])
        if dwell_ms >= least:
            params = {**dict(element.params), "name": element.name, "dwell_ms": dwell_ms}
            self._record(f"{element.context}.hover", {**params, "clicked": True} if clicked else params)

    def clicked(self, element: Element, via: str) -> None:
        """At once, since the page may be gone in a moment."""
        if self._settings is None or not self._watches(element, "click"):
            return
        params: dict[str, object] = {**dict(element.params), "name": element.name, "via": via}
        if element.href:
            href = urljoin(self.url, element.href)
            params |= {"href": href, "outbound": urlsplit(href).netloc != urlsplit(self.url).netloc}
        self._record(f"{element.context}.click", params)
        self._flush()

    def began_form(self, form: Form, field: Field) -> None:
        """The first use of a tracked form's fields."""
        if self._has_forms(form) and field.tag and form.name not in self._begun:
            self._begun.add(form.name)
            self._record("form.start", {"form": form.name, "field": field.tag})

    def changed(self, form: Form, field: Field, value: str, dwell_ms: int) -> None:
        """A field was left with another value."""
        if not self._has_forms(form) or not field.tag or field.refused:
            return
        facts = {"form": form.name, "field": field.tag, "filled": bool(value), "dwell_ms": dwell_ms, "refocus": 0}
        self._record("field.change", {**facts, "value": value} if field.tells_changes and value else facts)

    def submitted(self, form: Form, given: Mapping[Field, str]) -> None:
        """The form with these values (of its fields, '' for what is empty or not ticked), at once."""
        if not self._has_forms(form):
            return
        fields, skipped = _told_fields(form, given)
        params: dict[str, object] = {**dict(form.params), "form": form.name, "fields": fields}
        params["to" if form.method.lower() == "post" else "asks"] = urljoin(self.url, form.action)
        self._record("form.submit", {**params, "skipped": skipped} if skipped else params)
        self._flush()

    def leave(self, scroll_pct: int) -> None:
        """The last words of the page, by beacon."""
        if self._settings is not None and self._settings["leave"]:
            engaged = round((time.monotonic() - self._began) * 1_000)
            self._record("page.leave", {"engaged_ms": engaged, "scroll_pct": scroll_pct})
        self._flush(leaving=True)

    def rest(self, ms: float) -> None:
        """Time goes by; what waits to be sent is sent meanwhile."""
        until = time.monotonic() + ms / 1_000
        while self._due and self._due < until:
            self._wait(max(0.0, self._due - time.monotonic()))
            self._flush()
        self._wait(max(0.0, until - time.monotonic()))

    # Its parts --------------------------------------------------------------------------------------------------------

    def _watches(self, element: Element, kind: str) -> bool:
        mode = self._settings[kind] if self._settings is not None else "off"
        return bool(element.tells(kind) and (mode == "auto" or (mode == "tagged" and element.tagged)))

    def _has_forms(self, form: Form) -> bool:
        return bool(form.name and self._settings is not None and self._settings["forms"])

    def _record(self, action: str, params: Mapping[str, object]) -> None:
        event: dict[str, object] = {"id": str(uuid.uuid4()), "view": self._view, "action": action, "params": params}
        self._waiting.append((time.monotonic(), event))
        self._due = self._due or time.monotonic() + SOON_SECONDS

    def _flush(self, *, leaving: bool = False) -> None:
        """Sends what waits. What the collector cannot take now is sent again later, with the same ids; the fourth
        failure, or one on leaving, is the last."""
        if self._settings is None or not (self._confirm or self._waiting):
            return
        now = time.monotonic()
        events = [{**event, "ago": max(0, round((now - at) * 1_000))} for at, event in self._waiting]
        message: dict[str, object] = {"v": 1, "page": self.page.page_id, "events": events}
        if self._confirm:
            message["confirm"] = self._confirm
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            answer = self._browser.send(self._collector, self.url, body, leaving=leaving)
            healthy = answer.status < 500 and answer.status != 429
        except (OSError, http.client.HTTPException):
            healthy = False
        if healthy:
            accepted = _accepted(answer.text)
            self._count(accepted, len(events) - accepted)
        elif self._failures < len(RETRY_SECONDS) and not leaving:
            self._due = now + RETRY_SECONDS[self._failures]
            self._failures += 1
            return
        self._waiting, self._confirm, self._due, self._failures = [], {}, 0.0, 0

    @property
    def _collector(self) -> str:
        return urljoin(urljoin(self.url, self.page.tracker), "events")


def _accepted(answer: str) -> int:
    """How many events the collector says that it took."""
    try:
        return int(json.loads(answer)["accepted"])
    except (ValueError, KeyError, TypeError):
        return 0


def _told_fields(form: Form, given: Mapping[Field, str]) -> tuple[dict[str, object], dict[str, str]]:
    """(`fields`, `skipped`) of form.submit: what is tagged, and what is tagged and never sent."""
    fields: dict[str, object] = {}
    skipped: dict[str, str] = {}
    for field in form.fields:
        value: object = given.get(field, "")
        if not field.tag:
            continue
        if field.refused:
            skipped[field.tag] = field.refused
            continue
        if field.filled_only:
            value = bool(value)
        elif value and field.constant is not None:
            value = field.constant
        if value == "":
            continue
        known = fields.get(field.tag)
        fields[field.tag] = value if known is None else [*(known if isinstance(known, list) else [known]), value]
    return fields, skipped
