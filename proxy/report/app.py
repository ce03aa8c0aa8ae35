"""The report as an application.

Law: it only puts together what answers (views.py), how (answering.py) and who may read it (guard.py).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from proxy.asgi import ASGIApp, Receive, Scope, Send
from proxy.report.access import Access
from proxy.report.answering import Answers
from proxy.report.guard import Guard
from proxy.report.keeping import FORGET_SECONDS, Keeper, Keeping
from proxy.report.live import Feed
from proxy.report.overview import Model
from proxy.report.pages import HERE, Templates
from proxy.report.views import Views
from proxy.store.questions import ReportReader


class Report:
    """The report, guarded; an ASGI application. `stop` ends its live streams, for a server that is about to end."""

    def __init__(self, app: ASGIApp, feed: Feed) -> None:
        self._app = app
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @property
    def watchers(self) -> int:
        """How many people watch the live feed."""
        return self._feed.watchers

    def stop(self) -> None:
        """End all live streams; may be called from any thread."""
        self._feed.stop()


def make_report(
    open_reader: Callable[[], ReportReader],
    *,
    open_keeper: Callable[[], Keeper],
    marks_of: Callable[[str], Sequence[bytes]],
    definitions: Sequence[Model],
    token: str,
    hosts: Iterable[str] | None,
    zone: tzinfo | None,
    clock_ms: Callable[[], int],
    site: str,
    version: str,
    forget_seconds: float = FORGET_SECONDS,
) -> Report:
    """The report's application.

    Args:
        open_reader: opens the store; may raise a StoreError.
        open_keeper: loads what gives out and forgets a visitor (keeping.py); called in threads.
        marks_of: what the store knows a customer by, of a customer's key.
        definitions: the events that are defined, as `vocabulary.as_plain` tells of them.
        token: what must be shown to read anything.
        hosts: the names, without port, that it answers to; None: those of this machine (DNS rebinding).
        zone: in which days begin; None: the machine's.
        clock_ms: UTC milliseconds.
        site: the site's address, as it is to be shown.
        version: footfall's.
        forget_seconds: how long a page waits for a visitor to be forgotten, before it says that this goes on.
    """
    templates = Templates(zone=zone, clock_ms=clock_ms, site=site, version=version)
    feed = Feed(open_reader, templates.shown, clock_ms)
    answers = Answers(open_reader, templates)
    views = Views(answers, templates, feed, marks_of=marks_of, definitions=definitions, zone=zone, clock_ms=clock_ms)
    keeping = Keeping(answers, open_keeper, clock_ms, forget_seconds)
    app = Starlette(
        routes=[*keeping.routes(), *views.routes(), Mount("/static", StaticFiles(directory=HERE / "static"))],
        exception_handlers={HTTPException: answers.problem, Exception: answers.failed},
    )
    return Report(Guard(app, access=Access(token), hosts=hosts, sign_in=answers.sign_in), feed)
