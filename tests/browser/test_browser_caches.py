"""Pages that a browser shows again, or later, or from a copy: each showing counts once, as what it was."""

import threading
from dataclasses import replace

import pytest
from chromium import launch, unattended
from fronts import PATIENCE_SECONDS, poll
from upstream_site import Page, script

SPECULATE = '<script type="speculationrules">{"%s": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>'
KEPT = {"Cache-Control": "max-age=600"}
START = "A1 person session.start /one"
FIRST = 'A1 person page.visit /one "One" navigate 200 confirmed'
SECOND = 'A1 person page.visit /two "Two" navigate 200 confirmed from /one'


@pytest.fixture(scope="module")
def remembering(playwright):
    """A Chromium with the back/forward cache on, as people have it."""
    chromium = launch(playwright, bfcache=True)
    yield chromium
    chromium.close()


def test_a_reload_is_a_visit_of_its_own_that_says_so(journey):
    site = journey.site(one=Page("One"))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    page.reload()
    journey.ends(front, START, FIRST, 'A1 person page.visit /one "One" reload 200 confirmed')
    front.counts(visit=2)


def test_a_reload_that_is_answered_304_is_one_visit(journey):
    site = journey.site(one=Page("One", etag='"v1"'))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    page.reload()
    journey.ends(front, START, FIRST, 'A1 person page.visit /one "One" reload 304 confirmed')
    assert [request.status for request in site.asked("/one")] == [200, 304]


def test_a_page_that_is_revalidated_with_304_is_one_confirmed_visit_and_not_two(journey):
    again = Page("Two", body='<a href="/one">back</a>')
    site = journey.site(
        one=Page("One", body='<a href="/two">on</a>', etag='"v1"', headers={"Cache-Control": "no-cache"}), two=again
    )
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.click("a")
    page.wait_for_url("**/two")
    front.tells(START, FIRST, SECOND)
    page.click("a")
    page.wait_for_url("**/one")
    journey.ends(front, START, FIRST, SECOND, 'A1 person page.visit /one "One" navigate 304 confirmed from /two')
    assert [request.status for request in site.asked("/one")] == [200, 304]
    assert site.asked("/one")[1].headers["if-none-match"] == '"v1"'
    front.counts(visit=3)


def test_back_from_the_http_cache_is_a_visit_that_the_server_never_saw(journey):
    site = journey.site(one=Page("One", body='<a href="/two">on</a>', headers=KEPT), two=Page("Two", headers=KEPT))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.click("a")
    page.wait_for_url("**/two")
    front.tells(START, FIRST, SECOND)
    page.go_back()
    back = 'A1 person page.visit /one "One" cache confirmed'
    front.tells(START, FIRST, SECOND, back)
    page.go_forward()
    journey.ends(front, START, FIRST, SECOND, back, 'A1 person page.visit /two "Two" cache confirmed from /one')
    assert len(site.asked("/one")) == len(site.asked("/two")) == 1
    front.counts(visit=2)


def test_a_link_to_a_page_in_the_http_cache_is_a_visit_that_the_server_never_saw(journey):
    back_link = Page("Two", body='<a href="/one">back</a>')
    site = journey.site(one=Page("One", body='<a href="/two">on</a>', headers=KEPT), two=back_link)
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.click("a")
    page.wait_for_url("**/two")
    front.tells(START, FIRST, SECOND)
    page.click("a")
    page.wait_for_url("**/one")
    journey.ends(front, START, FIRST, SECOND, 'A1 person page.visit /one "One" cache confirmed from /two')
    assert len(site.asked("/one")) == 1


def test_back_and_forward_from_the_back_forward_cache_are_visits_of_their_own(journey, remembering):
    site = journey.site(one=Page("One", body='<a href="/two">on</a>'), two=Page("Two"))
    front = journey.front(site)
    page = journey.person(remembering).new_page()
    page.goto(f"{front.url}/one")
    page.evaluate("window.alive = true")
    page.click("a")
    page.wait_for_url("**/two")
    front.tells(START, FIRST, SECOND)
    page.evaluate("setTimeout(() => history.back())")
    back = 'A1 person page.visit /one "One" bfcache confirmed'
    front.tells(START, FIRST, SECOND, back)
    assert page.evaluate("window.alive") is True
    page.evaluate("setTimeout(() => history.forward())")
    forward = 'A1 person page.visit /two "Two" bfcache confirmed from /one'
    journey.ends(front, START, FIRST, SECOND, back, forward)
    assert len(site.asked("/one")) == len(site.asked("/two")) == 1
    front.counts(visit=2)


def walk_to_next(page):
    page.evaluate(
        "() => { const a = document.createElement('a'); a.href = '/next'; document.body.append(a); a.click() }"
    )
    page.wait_for_url("**/next")


def test_a_page_prefetched_by_a_link_counts_only_when_it_is_shown(journey):
    site = journey.site(one=Page("One", head='<link rel="prefetch" href="/next">'), next=Page("Next", headers=KEPT))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.counts(visit=1, prefetch=1)
    front.tells(START, FIRST)
    walk_to_next(page)
    # Such a link asks as a script does (no-cors, empty), so the Vary of every page (VISITS.md section 2) keeps its
    # copy from being used: the browser asks again, and that is the one visit.
    journey.ends(front, START, FIRST, 'A1 person page.visit /next "Next" navigate 200 confirmed from /one')
    assert [request.headers["sec-fetch-mode"] for request in site.asked("/next")] == ["no-cors", "navigate"]
    front.counts(visit=2, prefetch=1)


def test_a_page_prefetched_by_speculation_rules_counts_only_when_it_is_shown(journey):
    site = journey.site(one=Page("One", head=SPECULATE % "prefetch"), next=Page("Next"))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.counts(visit=1, prefetch=1)
    front.tells(START, FIRST)
    walk_to_next(page)
    journey.ends(front, START, FIRST, 'A1 person page.visit /next "Next" prerender confirmed from /one')
    assert len(site.asked("/next")) == 1
    front.counts(visit=1, prefetch=1)


def test_a_prefetched_page_that_is_never_shown_is_never_counted(journey):
    site = journey.site(one=Page("One", head=SPECULATE % "prefetch"), next=Page("Next"))
    front = journey.front(site)
    journey.person().new_page().goto(f"{front.url}/one")
    front.counts(visit=1, prefetch=1)
    journey.ends(front, START, FIRST)


def test_a_prerendered_page_counts_only_when_it_is_shown(journey, playwright, tmp_path):
    go = threading.Barrier(2)
    walking = '<script>fetch("/go.js").then(() => { location.href = "/next" })</script>'
    site = journey.site(
        one=Page("One", head=SPECULATE % "prerender", body=walking),
        go_js=replace(script("the test lets it go"), hold=(go,)),
        next=Page("Next", body='<script src="/ran.js"></script>'),
        ran_js=script("fetch('/early.js?' + document.prerendering)"),
        early_js=script("it ran"),
    )
    front = journey.front(site)
    with unattended(playwright, tmp_path / "profile", f"{front.url}/one"):
        assert poll(lambda: len(site.asked("/early.js?true")), 1) == 1
        front.tells(START, FIRST)
        go.wait(PATIENCE_SECONDS)
        shown = 'A1 person page.visit /next "Next" prerender confirmed from /one'
        front.tells(START, FIRST, shown)
    journey.ends(front, START, FIRST, shown)
    assert len(site.asked("/next")) == len(site.asked("/ran.js")) == 1
    front.counts(visit=1, prefetch=3)  # the page, and what it loaded before it was shown


def test_a_prerendered_page_that_is_never_shown_is_never_counted(journey, playwright, tmp_path):
    site = journey.site(
        one=Page("One", head=SPECULATE % "prerender"),
        next=Page("Next", body='<script src="/ran.js"></script>'),
        ran_js=script("fetch('/early.js?' + document.prerendering)"),
        early_js=script("it ran"),
    )
    front = journey.front(site)
    with unattended(playwright, tmp_path / "profile", f"{front.url}/one"):
        assert poll(lambda: len(site.asked("/early.js?true")), 1) == 1
        front.tells(START, FIRST)
    journey.ends(front, START, FIRST)
    front.counts(visit=1, prefetch=3)


def test_back_to_a_cached_page_after_the_cookies_were_cleared_is_somebody_new(journey):
    site = journey.site(
        one=Page("One", body='<a href="/two">on</a>'), two=Page("Two", headers=KEPT), three=Page("Three")
    )
    front = journey.front(site)
    person = journey.person()
    page = person.new_page()
    page.goto(f"{front.url}/one")
    page.click("a")
    page.wait_for_url("**/two")
    front.tells(START, FIRST, SECOND)
    page.goto(f"{front.url}/three")
    third = 'A1 person page.visit /three "Three" navigate 200 confirmed'
    front.tells(START, FIRST, SECOND, third)
    person.clear_cookies()
    page.go_back()
    new = ("B2 person session.start /two from /one", 'B2 person page.visit /two "Two" cache confirmed from /one')
    journey.ends(front, START, FIRST, SECOND, third, *new)
