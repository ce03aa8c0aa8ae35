"""What a line of a log may have become: VISITS.md section 1, as far as a log tells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.eligibility import Answer, Kind, Outcome, Standing, classify, is_document
from proxy.page.paths import Globs
from proxy.reconciling.judging import ELSEWHERE, OWN, Judge, by_table
from proxy.reconciling.log import Request

FOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOT = b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE = {"asset", "prefetch", "fragment", "frame", "opted_out", "other_html", "websocket", "visit"}


def judge(method="GET", path=b"/p", status=200, agent=FOX, *, side="front", known=False, **more):
    judge_ = Judge(side, b"/_footfall", Globs(more.get("exclude", ())), Globs(more.get("skip", ())))
    return judge_.judge(Request(0, method, path, b"", status, b"", agent), is_known_page=known)


@pytest.mark.parametrize(
    ("line", "outcomes"),
    [
        ({}, PAGE),
        ({"method": "POST"}, PAGE - {"websocket"}),
        ({"status": 404}, PAGE | {"refused"}),
        ({"status": 500}, PAGE),
        ({"status": 429}, PAGE | {ELSEWHERE}),
        ({"status": 304}, PAGE),
        ({"status": 302}, {"redirect", "prefetch", "websocket"}),
        ({"status": 308, "agent": BOT}, {"redirect", "prefetch", "websocket"}),
        ({"status": 204}, {"asset", "frame", "prefetch", "websocket"}),
        ({"status": 206, "agent": BOT}, {"asset", "frame", "prefetch", "websocket"}),
        ({"status": 101}, {"websocket"}),
        ({"agent": BOT}, (PAGE - {"visit", "opted_out", "other_html"}) | {"bot"}),
        ({"agent": b""}, (PAGE - {"visit", "opted_out", "other_html"}) | {"bot"}),
        ({"exclude": ("/p*",)}, {"asset", "prefetch", "fragment", "frame", "excluded", "websocket"}),
        ({"exclude": ("/p*",), "agent": BOT}, {"asset", "prefetch", "fragment", "frame", "excluded", "websocket"}),
        ({"method": "HEAD"}, {"head_or_other"}),
        ({"method": "HEAD", "agent": BOT, "status": 301}, {"head_or_other"}),
        ({"method": "HEAD", "status": 502}, {"head_or_other", "failed", ELSEWHERE}),
        ({"method": "PROPFIND", "status": 207}, {"head_or_other"}),
        ({"method": "PUT", "status": 404}, {"head_or_other", "refused"}),
        ({"status": 502}, PAGE | {"failed", ELSEWHERE}),
        ({"status": 499}, PAGE | {"redirect", "aborted", "failed", "refused", ELSEWHERE}),
        ({"status": 499, "method": "HEAD"}, {"head_or_other", "aborted", "failed", "refused", ELSEWHERE}),
        ({"path": b"/_footfall/events", "method": "POST"}, {OWN}),
        ({"path": b"/_footfall"}, {OWN}),
        ({"path": b"/_footfall/x", "status": 400}, {OWN, "refused"}),
        ({"path": b"/_footfallx"}, PAGE),
        ({"path": b"/%5Ffootfall/x", "status": 404}, {"refused", ELSEWHERE}),
        ({"path": b"/a/../_footfall/x", "status": 404}, {"refused", ELSEWHERE}),
        ({"method": "TRACE", "status": 405}, {"refused", ELSEWHERE}),
        ({"method": "", "path": b"", "status": 400}, {ELSEWHERE}),
        ({"path": b"/static/a.css", "skip": ("/static/*",)}, {ELSEWHERE}),
        ({"side": "site"}, PAGE | {"aborted", "failed"}),
        ({"side": "site", "status": 404}, PAGE | {"aborted", "failed"}),
        ({"side": "site", "status": 302}, {"redirect", "prefetch", "websocket", "aborted", "failed"}),
        ({"side": "site", "method": "HEAD"}, {"head_or_other", "aborted", "failed"}),
        ({"side": "site", "path": b"/_footfall/t.js"}, set()),
        ({"side": "site", "method": "", "path": b"", "status": 400}, set()),
        ({"side": "site", "path": b"/health", "skip": ("/health",)}, {ELSEWHERE}),
    ],
)
def test_what_a_line_may_be(line, outcomes):
    assert set(judge(**line).outcomes) == outcomes


@pytest.mark.parametrize(
    ("line", "page"),
    [
        ({}, "visit"),
        ({"method": "POST", "status": 404}, "visit"),
        ({"status": 304}, "visit"),
        ({"status": 499}, "visit"),
        ({"agent": BOT}, "bot"),
        ({"agent": b"  "}, "bot"),
        ({"status": 302}, ""),
        ({"status": 204}, ""),
        ({"status": 416}, ""),
        ({"method": "HEAD"}, ""),
        ({"exclude": ("/p",)}, ""),
        ({"path": b"/_footfall/t.js"}, ""),
    ],
)
def test_which_event_would_show_it(line, page):
    assert judge(**line).page == page


@pytest.mark.parametrize(
    ("line", "first", "look"),
    [
        ({}, "asset", "plain"),
        ({"path": b"/a/style.CSS"}, "asset", "file"),
        ({"path": b"/a.css/"}, "asset", "plain"),
        ({"path": b"/.png"}, "asset", "file"),
        ({"known": True}, "opted_out", "page"),
        ({"status": 502}, "failed", "plain"),
        ({"status": 499}, "aborted", "plain"),
        ({"status": 302, "known": True}, "redirect", "page"),
    ],
)
def test_the_likeliest_comes_first_and_a_visit_without_an_event_last(line, first, look):
    found = judge(**line)
    assert (found.outcomes[0], found.look) == (first, look)
    assert found.page == "" or found.outcomes[-1] == found.page


KINDS = (Kind.PREFETCH, Kind.FRAGMENT, Kind.FRAME, Kind.NAVIGATION, Kind.ODD, Kind.UNKNOWN)


@given(
    st.sampled_from(("GET", "POST", "HEAD", "DELETE")),
    st.integers(200, 599),
    st.sampled_from(KINDS),
    st.sampled_from((Standing.ORDINARY, Standing.OPTED_OUT, Standing.BOT, Standing.EXCLUDED)),
    st.booleans(),
    st.sampled_from((True, False, None)),
    st.booleans(),
)
def test_whatever_the_table_says_of_a_request_its_line_may_be(method, status, kind, standing, html, known, attachment):
    document = is_document(Answer(status, html, attachment=attachment), {}, known)
    outcome = classify(method, kind, standing, status, document=document)
    logged = Standing.ORDINARY if standing == Standing.OPTED_OUT else standing
    assert outcome in by_table(method, status, logged)
    more = {"exclude": ("/p",)} if standing == Standing.EXCLUDED else {}
    for side in ("front", "site"):
        found = judge(method, status=status, agent=BOT if standing == Standing.BOT else FOX, side=side, **more)
        assert outcome in found.outcomes
        assert outcome not in (Outcome.VISIT, Outcome.BOT) or found.page == outcome
