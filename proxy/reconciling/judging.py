"""What a line of a log may have become, by VISITS.md section 1: the outcomes that it leaves open, the likeliest first.

Law: pure. The table itself is page/eligibility's: it is asked about everything that a line does not say (fetch fields,
Content-Type, consent), and what it answers in any of these cases is possible. Only what has no answer of the site
(rows 1 to 5) is told here, by path and status. A line never proves a visit; a stored event does (matching.py).
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from proxy.http.gate import is_disguised, is_reserved
from proxy.page.eligibility import Answer, Kind, Outcome, Standing, classify, is_document
from proxy.page.paths import Globs
from proxy.reconciling.log import Request
from proxy.visitors.lanes import Agents

Side = Literal["front", "site"]
"""Whose log it is: a server's in front of footfall, or the site's behind it."""

OWN: Final = "own"
ELSEWHERE: Final = "elsewhere"
"""It never came to footfall, or has not come from there: answered by the server in front, or asked of the site
directly."""
UNCOUNTED: Final = frozenset((OWN, ELSEWHERE))
"""Of which there are no counters."""

JUDGED_REMEMBERED = 4_096
"""Verdicts by method, status and what is known of the path; a log has a few dozen."""
SWITCHED: Final = 101
VISITOR_LEFT: Final = 499
"""nginx: the visitor closed the connection before there was an answer to send."""
_REFUSALS = frozenset((400, 404, 405, 408, 411, 413, 414, 417, 426, 431, 501, 503, 505, 508))
"""Statuses with which the gate and the server refuse."""
_FAILURES = frozenset((502, 503, 504))
_FRONTS_OWN = frozenset((400, 405, 408, 413, 414, 421, 429, 431, 444, 494, 495, 496, 497, 499, 502, 503, 504))
"""Statuses that a server in front often answers with by itself."""
_FILES = frozenset(
    b"avif bmp css csv eot gif gz ico jpeg jpg js json map mjs mp3 mp4 ogg otf pdf png svg tar ttf txt wasm wav webm "
    b"webmanifest webp woff woff2 xml zip".split()
)
"""Ends of names that are hardly a page's."""
_KINDS = (Kind.PREFETCH, Kind.FRAGMENT, Kind.FRAME, Kind.NAVIGATION, Kind.ODD, Kind.UNKNOWN)
_PAGE_FIRST = (Outcome.OPTED_OUT, Outcome.PREFETCH, Outcome.FRAGMENT, Outcome.FRAME, Outcome.OTHER_HTML)
_FILE_FIRST = (Outcome.FRAGMENT, Outcome.OTHER_HTML, Outcome.OPTED_OUT, Outcome.PREFETCH, Outcome.FRAME)
_SURE = (Outcome.HEAD_OR_OTHER, Outcome.REDIRECT, Outcome.EXCLUDED)
_SHELL = (Outcome.WEBSOCKET, Outcome.FAILED, Outcome.ABORTED, Outcome.REFUSED, ELSEWHERE)


class Verdict(NamedTuple):
    """`outcomes`: what it may be, the likeliest first; a visit or a bot last, since an event would show that. `page`:
    the one of these two that it may be, '' where it can be none. `look`: what its path looks like, `file`, `plain`, or
    `page` (one of which events are known)."""

    outcomes: tuple[str, ...]
    page: str
    look: str


class Judge:
    """Judges lines for one configuration.

    Args:
        side: whose log it is.
        prefix: our reserved path.
        exclude: paths that are never counted as visits.
        skip: paths that the server in front answers by itself, or of which the site is asked directly.
    """

    def __init__(self, side: Side, prefix: bytes, exclude: Globs, skip: Globs) -> None:
        self._side = side
        self._prefix = prefix
        self._exclude = exclude
        self._skip = skip
        self._agents = Agents()

    def judge(self, line: Request, *, is_known_page: bool = False) -> Verdict:
        """What a line may be; of a path that is known as a page's an asset is the last thing."""
        if self._skip.match(line.path) or (not line.method and self._side == "front"):
            return Verdict((ELSEWHERE,), "", "plain")
        if not line.method:
            return Verdict((), "", "plain")
        if is_reserved(line.path, self._prefix):
            return Verdict(self._ours(line.status), "", "plain")
        if self._side == "front" and (line.method in ("CONNECT", "TRACE") or is_disguised(line.path, self._prefix)):
            return Verdict((Outcome.REFUSED, ELSEWHERE), "", "plain")
        standing = Standing.ORDINARY
        if self._exclude.match(line.path):
            standing = Standing.EXCLUDED
        elif self._agents.read(line.agent).bot:
            standing = Standing.BOT
        look = "file" if line.path.rpartition(b"/")[2].rpartition(b".")[2].lower() in _FILES else "plain"
        return possible(line.method, line.status, standing, "page" if is_known_page else look, self._side)

    def _ours(self, status: int) -> tuple[str, ...]:
        """Behind footfall nobody sees what is under its prefix."""
        if self._side == "site":
            return ()
        return (OWN, Outcome.REFUSED) if status in _REFUSALS else (OWN,)


@lru_cache(maxsize=JUDGED_REMEMBERED)
def possible(method: str, status: int, standing: str, look: str, side: Side) -> Verdict:
    """The verdict on a request to the site."""
    if status == SWITCHED:
        return Verdict((Outcome.WEBSOCKET,), "", look)
    statuses = (200, 302) if status == VISITOR_LEFT else (status,)
    found = {one for some in statuses for one in by_table(method, some, standing)}
    page = next((one for one in (Outcome.VISIT, Outcome.BOT) if one in found), "")
    found.update(_by_shell(method, status, side))
    first = (Outcome.FAILED,) if status in _FAILURES else (Outcome.ABORTED,) if status == VISITOR_LEFT else ()
    middle = (*_PAGE_FIRST, Outcome.ASSET) if look == "page" else (Outcome.ASSET, *_FILE_FIRST)
    order = dict.fromkeys((*first, *_SURE, *middle, *_SHELL, page))
    return Verdict(tuple(one for one in order if one in found), page, look)


def by_table(method: str, status: int, standing: str) -> frozenset[str]:
    """Every outcome that the table has for such a request, whatever else it says."""
    standings = (standing,) if standing else (Standing.ORDINARY, Standing.OPTED_OUT)
    return frozenset(
        classify(method, kind, one, status, document=is_document(Answer(status, is_html), {}, is_html))
        for kind in _KINDS
        for one in standings
        for is_html in (True, False)
    )


def _by_shell(method: str, status: int, side: Side) -> Iterable[str]:
    """What it may be without an answer of the site that counts."""
    if method == "GET":
        yield Outcome.WEBSOCKET  # refused by the site: whatever it answers
    if side == "site":  # it has answered, but that did not reach the visitor
        yield from (Outcome.ABORTED, Outcome.FAILED)
        return
    if status in _FAILURES:
        yield Outcome.FAILED
    if status == VISITOR_LEFT:
        yield from (Outcome.ABORTED, Outcome.FAILED)
    if status in _REFUSALS or status == VISITOR_LEFT:
        yield Outcome.REFUSED
    if status in _FRONTS_OWN:
        yield ELSEWHERE
