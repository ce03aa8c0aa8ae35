"""Simulated visitors who walk the demo's shop through footfall, by plain HTTP, one thread each.

Law: honest. They send what a browser would send and nothing else, tell what they found on the page, and write nothing
anywhere; the only sign that nobody is there is their browsers' product token. They are bounded in number and in time,
and gone when the parent's lifeline reads end of file.
"""

import http.client
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from proxy.demo.browser import Browser
from proxy.demo.pages import NOTHING, Element, Field, Form, read_page
from proxy.demo.plans import Arrive, Fill, Follow, Look, Plan, Reload, Step, Submit
from proxy.demo.showing import Showing
from proxy.demo.walks import plan

GRACE_SECONDS = 10.0
"""After their time those who were held up by a slow site still walk on for so long."""
LEAVING_SECONDS = 1.0
"""For all of them to notice that it is over."""
BOXES = ("checkbox", "radio")


class Left(Exception):
    """It is over, and nothing is wrong."""


@dataclass(slots=True)
class Seen:
    """What one visitor did: pages shown, events taken and not taken; what went wrong, '' if nothing."""

    pages: int = 0
    accepted: int = 0
    rejected: int = 0
    wrong: str = ""


def walk(
    address: str, visitors: int, seconds: float, seed: int, say: Callable[[str], None], lifeline: int | None
) -> int:
    """Sends `visitors` (1 to 1,000) simulated ones to `address` (`http://127.0.0.1:8080`), who are done in about
    `seconds`; the same for the same seed. `say` is told in a line what begins and how it ended.

    Returns 0, or 1 where not one of them has seen a page. It ends early when `lifeline` reads end of file.

    Raises:
        ValueError: too many visitors, or none; no time.
    """
    plans = plan(visitors, seconds, seed)
    say(f"{_counted(visitors, 'simulated visitor')} will walk the site for about {seconds:.0f} s")
    stop = threading.Event()
    started = time.monotonic()
    deadline = started + seconds + GRACE_SECONDS
    watcher = threading.Thread(target=_watch, args=(lifeline, stop), daemon=True)
    watcher.start()
    everyone: list[tuple[threading.Thread, Seen]] = []
    for one in plans:
        if stop.wait(max(0.0, started + one.start_ms / 1_000 - time.monotonic())):
            break
        seen = Seen()
        thread = threading.Thread(target=_stroll, args=(one, address, stop, seen), daemon=True)
        everyone.append((thread, seen))
        try:
            thread.start()
        except RuntimeError as wrong:  # no more threads to be had
            seen.wrong = str(wrong)
    _await([thread for thread, _ in everyone], deadline, stop)
    say(_told([seen for _, seen in everyone]))
    return int(not stop.is_set() and not any(seen.pages for _, seen in everyone))


def _watch(lifeline: int | None, stop: threading.Event) -> None:
    """Until the parent is gone."""
    if lifeline is None:
        return
    while not stop.is_set():
        readable, _, _ = select.select([lifeline], [], [], LEAVING_SECONDS)
        if readable and not os.read(lifeline, 1):
            stop.set()


def _await(threads: list[threading.Thread], deadline: float, stop: threading.Event) -> None:
    """Until all have left, or are told to; whoever hangs in an answer then is left behind."""
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        if stop.wait(0.05):
            break
    late = any(thread.is_alive() for thread in threads)
    if late:
        stop.set()
    until = time.monotonic() + LEAVING_SECONDS
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, until - time.monotonic()))


def _told(all_seen: list[Seen]) -> str:
    """The whole walk in one line."""
    pages = _counted(sum(seen.pages for seen in all_seen), "page")
    events = _counted(sum(seen.accepted for seen in all_seen), "event")
    line = f"the simulated visitors have left: {pages}, {events}"
    rejected = sum(seen.rejected for seen in all_seen)
    if rejected:
        line += f" and {rejected} that were not taken"
    troubles = [seen.wrong for seen in all_seen if seen.wrong]
    if troubles:
        line += f"; {len(troubles)} of {len(all_seen)} gave up ({troubles[0]})"
    return line


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _stroll(planned: Plan, address: str, stop: threading.Event, seen: Seen) -> None:
    """One visitor, in a thread of their own."""
    visitor = _Visitor(planned, address, stop, seen)
    try:
        visitor.walk()
    except Left:
        pass
    except (OSError, http.client.HTTPException) as wrong:
        seen.wrong = str(wrong) or type(wrong).__name__
    finally:
        visitor.browser.close()


class _Visitor:
    def __init__(self, planned: Plan, address: str, stop: threading.Event, seen: Seen) -> None:
        self.browser = Browser(address, planned.device, planned.language)
        self._plan = planned
        self._address = address
        self._stop = stop
        self._seen = seen
        self._shown = Showing(self.browser, NOTHING, "", "", self._wait, self._count)
        self._typed: dict[tuple[str, str], list[str]] = {}

    def walk(self) -> None:
        """Every step of the plan, or as many as the site has a way for."""
        scrolled = 0
        for step in self._plan.steps:
            if not self._go(step, scrolled):
                break
            scrolled = step.scroll_pct
            for act in step.acts:
                if isinstance(act, Look):
                    self._look(act)
                elif isinstance(act, Fill):
                    self._fill(act)
                else:
                    self._shown.rest(act.wait_ms)
                    self._click(self._shown.page.element(act.name))
            self._shown.rest(step.read_ms)
        self._shown.leave(scrolled)

    def _count(self, accepted: int, rejected: int) -> None:
        self._seen.accepted += accepted
        self._seen.rejected += rejected

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Left

    # From page to page ------------------------------------------------------------------------------------------------

    def _go(self, step: Step, scrolled: int) -> bool:
        """Leaves this page for the next one; false where the page has no way there."""
        move, before = step.move, self._shown
        url, referrer, body, nav = "", before.url, None, "navigate"
        if isinstance(move, Arrive):
            url, referrer = self._address + step.ask, move.referrer
        elif isinstance(move, Reload):
            url, referrer, nav = before.url, before.referrer, "reload"
        elif isinstance(move, Follow):
            url = self._follow(move)
        else:
            url, body = self._submit(move)
        if not url:
            return False
        before.leave(scrolled)
        answer = self.browser.open(url.partition("#")[0], referrer, body)
        is_page = answer.kind == "text/html"
        self._seen.pages += is_page and answer.status < 500
        page = read_page(answer.text) if is_page else NOTHING
        told = self.browser.told(referrer)
        self._typed = {}
        self._shown = Showing(self.browser, page, answer.url, told, self._wait, self._count)
        self._shown.begin(nav)
        for name in page.files:
            kind = "style" if name.endswith(".css") else "script" if name.endswith(".js") else "image"
            self.browser.load(urljoin(answer.url, name), answer.url, kind)
        return True

    def _follow(self, move: Follow) -> str:
        """The address of the link, '' where there is no such link."""
        link = self._shown.page.element(move.name)
        if link is None or not link.href:
            return ""
        self._rested(link, self._aim(link, move.aim_ms))
        return urljoin(self._shown.url, link.href)

    def _submit(self, move: Submit) -> tuple[str, bytes | None]:
        """The address that the form goes to, '' where there is no such form; and what is posted there, if anything."""
        form = self._shown.page.form(move.form)
        if form is None or form.button is None:
            return "", None
        dwell_ms = self._aim(form.button, move.aim_ms)
        given = {field: self._value(form, field) for field in form.fields}
        self._shown.submitted(form, given)
        self._rested(form.button, dwell_ms)
        # A box that is not ticked is not sent; a field that is empty is.
        pairs = [(field.name, value) for field, value in given.items() if value or field.kind not in BOXES]
        url = urljoin(self._shown.url, form.action)
        if form.method == "post":
            return url, urlencode(pairs).encode()
        return f"{url}?{urlencode(pairs)}", None

    def _value(self, form: Form, field: Field) -> str:
        """What the field has by now; '' where it is empty or not ticked."""
        typed = self._typed.get((form.name, field.name))
        if field.kind not in BOXES:
            return typed[-1] if typed else field.value
        if typed is None:
            return field.value if field.chosen else ""
        ticked = field.value in typed or (field.kind == "checkbox" and field.chosen)
        return field.value if ticked else ""

    # On a page --------------------------------------------------------------------------------------------------------

    def _look(self, act: Look) -> None:
        self._shown.rest(act.wait_ms)
        began = time.monotonic()
        self._shown.rest(act.dwell_ms)
        element = self._shown.page.element(act.name)
        if element is not None:
            self._shown.hovered(element, round((time.monotonic() - began) * 1_000))

    def _aim(self, element: Element, aim_ms: int) -> int:
        """The pointer comes to it and clicks; how long that took, in ms."""
        began = time.monotonic()
        self._shown.rest(aim_ms)
        self._click(element)
        return round((time.monotonic() - began) * 1_000)

    def _rested(self, element: Element, dwell_ms: int) -> None:
        """The page is left before the pointer is anywhere else: the hover ends with it."""
        if not self._plan.device.touch:
            self._shown.hovered(element, dwell_ms, clicked=True)

    def _click(self, element: Element | None) -> None:
        if element is not None:
            self._shown.clicked(element, "touch" if self._plan.device.touch else "mouse")

    def _fill(self, act: Fill) -> None:
        self._shown.rest(act.wait_ms)
        form = self._shown.page.form(act.form)
        fields = [one for one in form.fields if one.name == act.field] if form is not None else []
        field = next((one for one in fields if one.kind not in BOXES or one.value == act.value), None)
        if form is None or field is None:
            return
        began = time.monotonic()
        self._shown.began_form(form, field)
        self._shown.rest(act.dwell_ms)
        self._shown.changed(form, field, act.value, round((time.monotonic() - began) * 1_000))
        self._typed.setdefault((form.name, field.name), []).append(act.value)
