"""Ordinary walks through a site: what a person does, and exactly the events that it makes."""

import json
import threading

import pytest
from fronts import PATIENCE_SECONDS, wrapped
from upstream_site import Page

ONE = Page("One", body='<a href="/two">on</a>')
TWO = Page("Two", body='<a href="/three?colour=red&amp;token=s3cret">on</a>')
THREE = Page("Three")


def test_three_pages_in_a_row_are_one_session_and_three_confirmed_visits_with_titles(journey):
    site = journey.site(one=ONE, two=TWO, three=THREE)
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.click("a")
    page.wait_for_url("**/two")
    page.click("a")
    page.wait_for_url("**/three?*")
    journey.ends(
        front,
        "A1 person session.start /one",
        'A1 person page.visit /one "One" navigate 200 confirmed',
        'A1 person page.visit /two "Two" navigate 200 confirmed from /one',
        'A1 person page.visit /three?colour=red&token=removed "Three" navigate 200 confirmed from /two',
    )
    front.counts(visit=3)
    exported = [json.loads(line) for line in front.export().splitlines()]
    assert [event["label"] for event in exported if event["action"] != "page.leave"] == [
        "Started session",
        "Visited page One",
        "Visited page Two",
        "Visited page Three",
    ]
    assert len({event["uuid"] for event in exported}) == len({event["session"] for event in exported}) == 1
    assert "s3cret" not in json.dumps(exported)
    assert not any("footfall" in request.headers.get("cookie", "") for request in site.seen)


def open_tabs(front, person):
    """Three tabs that are told where to go before any of them has an answer."""
    tabs = [person.new_page() for _ in range(3)]
    for tab, path in zip(tabs, ("/one", "/two", "/three"), strict=True):
        tab.evaluate("address => { location.href = address }", front.url + path)
    return tabs


def three_tabs(front, person):
    """The same when all three have arrived."""
    tabs = open_tabs(front, person)
    for tab, path in zip(tabs, ("/one", "/two", "/three"), strict=True):
        tab.wait_for_url(front.url + path)
    return tabs


THREE_TABS = (
    "A1 person session.start",
    'A1 person page.visit /one "One" navigate 200 confirmed',
    'A1 person page.visit /two "Two" navigate 200 confirmed',
    'A1 person page.visit /three "Three" navigate 200 confirmed',
)


def racing_site(journey):
    """A site that answers the three tabs when all three have asked."""
    all_asked = (threading.Barrier(3),)
    return journey.site(
        one=Page("One", hold=all_asked),
        two=Page("Two", hold=all_asked),
        three=Page("Three", hold=all_asked),
        four=Page("Four"),
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_three_tabs_whose_requests_all_left_before_any_cookie_came_are_one_visitor(journey, workers):
    site = racing_site(journey)
    front = journey.front(site, "--workers", workers)
    person = journey.person()
    for tab in three_tabs(front, person):
        tab.close()
    front.tells(*THREE_TABS, any_order=True)
    visitor = front.visitors()
    person.new_page().goto(f"{front.url}/four")
    journey.ends(front, *THREE_TABS, 'A1 person page.visit /four "Four" navigate 200 confirmed', any_order=True)
    assert front.visitors() == visitor
    front.counts(visit=4)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_tab_that_was_confirmed_before_the_others_came_is_theirs_when_it_is_closed(journey, workers):
    all_asked, released = threading.Barrier(3), threading.Barrier(3)
    site = journey.site(
        one=Page("One", hold=(all_asked,)),
        two=Page("Two", hold=(all_asked, released)),
        three=Page("Three", hold=(all_asked, released)),
    )
    front = journey.front(site, "--workers", workers)
    tabs = open_tabs(front, journey.person())
    front.tells("A1 person session.start /one", 'A1 person page.visit /one "One" navigate 200 confirmed')
    released.wait(PATIENCE_SECONDS)
    tabs[1].wait_for_url("**/two")
    tabs[2].wait_for_url("**/three")
    for tab in tabs:
        tab.close()
    journey.ends(front, *THREE_TABS, any_order=True)


def test_a_tab_whose_request_left_before_a_cookie_that_came_back_meanwhile_is_a_visitor_of_its_own(journey):
    """Whoever has come back on another page is nobody's twin: the cookie may have been cleared (VISITS.md 3)."""
    asked, released = threading.Barrier(2), threading.Barrier(2)
    site = journey.site(one=Page("One"), two=Page("Two", hold=(asked, released)), three=Page("Three"))
    front = journey.front(site)
    person = journey.person()
    two = person.new_page()
    two.evaluate("url => { location = url }", f"{front.url}/two")
    asked.wait(PATIENCE_SECONDS)
    page = person.new_page()
    for path in ("/one", "/three"):
        page.goto(front.url + path)
    front.tells(*(line for line in THREE_TABS if "/two" not in line), any_order=True)
    page.close()
    released.wait(PATIENCE_SECONDS)
    two.wait_for_url("**/two")
    lines = [
        "A1 person session.start",
        'A1 person page.visit /one "One" navigate 200 confirmed',
        'A1 person page.visit /three "Three" navigate 200 confirmed',
        "B2 person session.start",
        'B2 person page.visit /two "Two" navigate 200 confirmed',
    ]
    front.tells(*lines, any_order=True)  # closed before, it may leave with a cookie that is not its page's
    two.close()
    journey.ends(front, *lines, any_order=True)


def test_a_tab_that_walks_on_after_a_race_for_the_cookie_takes_its_first_page_along(journey):
    front = journey.front(racing_site(journey))
    for tab in three_tabs(front, journey.person()):
        tab.goto(f"{front.url}/four")
    four = 'A1 person page.visit /four "Four" navigate 200 confirmed'
    journey.ends(front, *THREE_TABS, four, four, four, any_order=True)


def test_a_post_from_another_site_keeps_the_visitor(journey):
    site = journey.site(shop=Page("Shop"), paid=Page("Paid"), thanks=Page("Thanks"))
    front = journey.front(site)
    shop = front.at("localhost")
    form = f'<form method="post" action="{shop}/paid"><button>Back to the shop</button></form>'
    bank = journey.site(bank=Page("Bank", body=form))
    front.origins[bank.url] = "bank:"
    person = journey.person()
    page = person.new_page()
    page.goto(f"{shop}/shop")
    front.tells("A1 person session.start /shop", 'A1 person page.visit /shop "Shop" navigate 200 confirmed')
    before = person.cookies(shop)
    page.goto(f"{bank.url}/bank")
    page.click("button")
    page.wait_for_url("**/paid")
    [posted] = site.asked("/paid")
    assert (posted.method, posted.headers["sec-fetch-site"]) == ("POST", "cross-site")
    front.tells(
        "A1 person session.start /shop",
        'A1 person page.visit /shop "Shop" navigate 200 confirmed',
        'A1 person page.visit /paid "Paid" navigate 200 POST confirmed from bank:/',
    )
    assert person.cookies(shop) == before
    page.goto(f"{shop}/thanks")
    journey.ends(
        front,
        "A1 person session.start /shop",
        'A1 person page.visit /shop "Shop" navigate 200 confirmed',
        'A1 person page.visit /paid "Paid" navigate 200 POST confirmed from bank:/',
        'A1 person page.visit /thanks "Thanks" navigate 200 confirmed',
    )


def test_a_post_from_another_site_by_a_stranger_makes_one_visitor_who_stays(journey):
    site = journey.site(paid=Page("Paid"), thanks=Page("Thanks"))
    front = journey.front(site)
    shop = front.at("localhost")
    form = f'<form method="post" action="{shop}/paid"><button>Back to the shop</button></form>'
    bank = journey.site(bank=Page("Bank", body=form))
    front.origins[bank.url] = "bank:"
    page = journey.person().new_page()
    page.goto(f"{bank.url}/bank")
    page.click("button")
    page.wait_for_url("**/paid")
    paid = (
        "A1 person session.start /paid from bank:/",
        'A1 person page.visit /paid "Paid" navigate 200 POST confirmed from bank:/',
    )
    front.tells(*paid)
    page.goto(f"{shop}/thanks")
    journey.ends(front, *paid, 'A1 person page.visit /thanks "Thanks" navigate 200 confirmed')


def test_without_javascript_one_page_is_unproven_until_the_cookie_returns(journey):
    site = journey.site(one=ONE, two=TWO)
    front = journey.front(site)
    page = journey.person(java_script_enabled=False).new_page()
    page.goto(f"{front.url}/one")
    front.tells("A1 unproven session.start /one", "A1 unproven page.visit /one untitled navigate 200 unconfirmed")
    page.click("a")
    page.wait_for_url("**/two")
    journey.ends(
        front,
        "A1 person session.start /one",
        "A1 person page.visit /one untitled navigate 200 unconfirmed",
        "A1 person page.visit /two untitled navigate 200 unconfirmed from /one",
    )
    front.counts(visit=2)


WALK = (
    "A1 person session.start /",
    'A1 person page.visit / "Shop" navigate 200 confirmed',
    'A1 person page.visit /goods?utm_source=letter "Goods" navigate 200 confirmed from /',
    'A1 person page.visit /order "Thank you, Ada" navigate 200 POST confirmed from /goods?utm_source=letter',
    'A1 person page.visit /nothing "Nothing here" navigate 404 confirmed from /order',
)


def walk_through_the_shop(journey, front):
    page = journey.person().new_page()
    page.goto(f"{front.url}/")
    front.tells(*WALK[:2])  # what a page says first goes with what it says when it is left, if it is left at once
    page.click("a")
    page.wait_for_url("**/goods?*")
    page.click("button")
    page.wait_for_url("**/order")
    page.click("a")
    page.wait_for_url("**/nothing")
    front.tells(*WALK)
    journey.complaints[:] = [said for said in journey.complaints if "404" not in said]
    journey.ends(front, *WALK)
    front.counts(visit=4, frame=1)


def test_an_application_behind_the_proxy_and_the_same_one_wrapped_in_process_give_the_same_events(journey, tmp_path):
    behind = journey.enter(wrapped(tmp_path / "plain", "plain"))
    walk_through_the_shop(journey, journey.front(behind.url))
    walk_through_the_shop(journey, journey.enter(wrapped(tmp_path / "tracked", "tracked")))


def test_a_page_sends_one_message_when_it_is_shown_and_a_new_visitors_one_more_when_it_is_left(journey, tmp_path):
    front = journey.enter(wrapped(tmp_path / "tracked", "tracked", FOOTFALL_CAPTURE__LEAVE="false"))
    walk_through_the_shop(journey, front)
    sent = front.log.read_text().count('"POST /_footfall/events')
    assert sent == 5  # four pages shown; only at the first one was the visitor new
