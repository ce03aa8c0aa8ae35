"""Pages that are not just pages: workers, frames, policies, and people who said no."""

import sys
from pathlib import Path

import pytest
from upstream_site import Page, script

sys.path.append(str(Path(__file__).parents[1] / "unit"))
from codings import pack

TAG = "script[data-page]"
START = "A1 person session.start /one"
FIRST = 'A1 person page.visit /one "One" navigate 200 confirmed'
WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => event.respondWith(fetch(event.request)));
"""
REGISTER = '<script>navigator.serviceWorker.register("/sw.js")</script>'
CONTROLLED = "() => navigator.serviceWorker.controller !== null"


def test_pages_that_a_service_worker_fetches_again_keep_being_counted(journey):
    site = journey.site(
        one=Page("One", head=REGISTER, body='<a href="/two">on</a>'),
        two=Page("Two", body='<a href="/three">on</a>'),
        three=Page("Three"),
        sw_js=script(WORKER),
    )
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.wait_for_function(CONTROLLED)
    page.click("a")
    page.wait_for_url("**/two")
    page.click("a")
    page.wait_for_url("**/three")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].workerStart") > 0
    journey.ends(
        front,
        START,
        FIRST,
        'A1 person page.visit /two "Two" navigate 200 confirmed from /one',
        'A1 person page.visit /three "Three" navigate 200 confirmed from /two',
    )
    for path in ("/two", "/three"):
        [request] = site.asked(path)
        assert (request.headers["sec-fetch-mode"], request.headers["sec-fetch-dest"]) == ("navigate", "empty")
    front.counts(visit=3)


def test_frames_and_html_fetched_by_scripts_are_not_visits_and_have_no_tag(journey):
    inner = Page("Inner")
    fetching = '<iframe src="/inner"></iframe><p></p><script src="/load.js"></script>'
    load = (
        'fetch("/piece").then(answer => answer.text()).then(text => { document.querySelector("p").textContent = text })'
    )
    site = journey.site(one=Page("One", body=fetching), inner=inner, piece=Page("Piece"), load_js=script(load))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.wait_for_function("document.querySelector('p').textContent !== ''")
    assert page.text_content("p") == site.pages["/piece"].content().decode()
    frame = page.frame(url="**/inner")
    frame.wait_for_selector("h1")
    assert (page.locator(TAG).count(), frame.locator(TAG).count()) == (1, 0)
    journey.ends(front, START, FIRST)
    front.counts(visit=1, frame=1, fragment=1)


def test_a_browser_that_sends_the_global_privacy_control_leaves_only_a_count(journey):
    site = journey.site(one=Page("One", body='<a href="/two">on</a>'), two=Page("Two"))
    front = journey.front(site)
    person = journey.person(extra_http_headers={"Sec-GPC": "1"})
    page = person.new_page()
    page.goto(f"{front.url}/one")
    assert page.locator(TAG).count() == 0
    page.click("a")
    page.wait_for_url("**/two")
    assert page.locator(TAG).count() == 0
    front.counts(opted_out=2)
    assert person.cookies() == []
    journey.ends(front)
    front.counts(opted_out=2)


def test_a_visitor_who_opts_out_by_cookie_is_forgotten_from_there_on(journey):
    site = journey.site(one=Page("One", body='<a href="/two">on</a>'), two=Page("Two", body='<a href="/three">on</a>'))
    site.pages["/three"] = Page("Three")
    front = journey.front(site)
    person = journey.person()
    page = person.new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    [ours] = person.cookies()
    assert (ours["name"], ours["httpOnly"], ours["sameSite"], ours["path"]) == ("footfall", True, "Lax", "/")
    person.add_cookies([{"name": "footfall_consent", "value": "out", "url": front.url}])
    page.click("a")
    page.wait_for_url("**/two")
    assert page.locator(TAG).count() == 0
    assert [cookie["name"] for cookie in person.cookies()] == ["footfall_consent"]
    page.click("a")
    page.wait_for_url("**/three")
    journey.ends(front, START, FIRST, "A1 person session.end opt_out after 1 at /one")
    front.counts(visit=1, opted_out=2)


@pytest.mark.parametrize(
    "policy", ["script-src 'none'", "default-src 'none'; style-src 'self'", "connect-src 'none'", "sandbox allow-forms"]
)
def test_a_page_whose_policy_forbids_the_tag_is_recorded_and_works_without_it(journey, policy):
    site = journey.site(one=Page("One", body="<p>all is well</p>", headers={"Content-Security-Policy": policy}))
    front = journey.front(site)
    page = journey.person().new_page()
    answer = page.goto(f"{front.url}/one")
    assert answer.body() == site.pages["/one"].content()
    assert answer.headers["content-security-policy"] == policy
    assert page.locator("p").text_content() == "all is well"
    journey.ends(
        front, "A1 unproven session.start /one", "A1 unproven page.visit /one untitled navigate 200 unconfirmed"
    )
    front.counts(visit=1)


def test_a_policy_in_a_meta_that_forbids_the_tag_is_respected(journey):
    meta = '<meta http-equiv="Content-Security-Policy" content="script-src &#39;none&#39;">'
    site = journey.site(one=Page("One", head=meta))
    front = journey.front(site)
    assert journey.person().new_page().goto(f"{front.url}/one").body() == site.pages["/one"].content()
    journey.ends(
        front, "A1 unproven session.start /one", "A1 unproven page.visit /one untitled navigate 200 unconfirmed"
    )


def test_a_page_with_a_nonce_gets_the_tag_with_that_nonce_and_confirms(journey):
    own = '<script nonce="c2VjcmV0">window.own = "ran"</script>'
    policy = "default-src 'none'; script-src 'nonce-c2VjcmV0'; connect-src 'self'"
    site = journey.site(one=Page("One", head=own, headers={"Content-Security-Policy": policy}))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    assert page.evaluate("window.own") == "ran"
    assert page.evaluate(f"document.querySelector('{TAG}').nonce") == "c2VjcmV0"
    journey.ends(front, START, FIRST)


def test_two_people_are_two_visitors_with_a_session_each(journey):
    site = journey.site(one=Page("One"))
    front = journey.front(site)
    journey.person().new_page().goto(f"{front.url}/one")
    front.tells(START, FIRST)
    journey.person().new_page().goto(f"{front.url}/one")
    journey.ends(
        front,
        START,
        FIRST,
        "B2 person session.start /one",
        'B2 person page.visit /one "One" navigate 200 confirmed',
    )


def test_what_happens_within_a_page_is_not_a_visit(journey):
    site = journey.site(one=Page("One", body='<a href="#part">down</a>'))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    page.click("a")
    page.wait_for_url("**/one#part")
    page.evaluate("history.pushState(null, '', '/one/more')")
    page.evaluate("history.back()")
    page.wait_for_url("**/one#part")
    page.evaluate("document.title = 'Other'")
    journey.ends(front, START, FIRST)
    front.counts(visit=1)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_e1_a_page_that_comes_coded_is_counted_and_shown(journey, coding):
    # Chromium offers br and zstd over http to local hosts only, of which 127.0.0.1 is one.
    site = journey.site(one=Page("One", body="<p>text</p>" * 1000))
    packed = pack(coding, site.pages["/one"].content())
    headers = {"Content-Encoding": coding, "Vary": "Accept-Encoding"}
    site.pages["/one"] = Page(raw=packed, headers=headers)
    front = journey.front(site)
    page = journey.person().new_page()
    answer = page.goto(f"{front.url}/one")
    assert answer.headers["content-encoding"] == coding
    assert page.locator("p").count() == 1000
    assert site.asked("/one")[0].headers["accept-encoding"] == "gzip, deflate, br, zstd"
    journey.ends(front, START, FIRST)


def test_a_page_with_an_error_of_its_own_keeps_it_and_is_counted(journey):
    site = journey.site(one=Page("One", body="<script>throw new Error('the page is at fault')</script>"))
    front = journey.front(site)
    journey.person().new_page().goto(f"{front.url}/one")
    front.tells(START, FIRST)
    journey.leave()
    assert [said for said in journey.complaints if "the page is at fault" in said]
    assert not [said for said in journey.complaints if "footfall" in said]


def test_the_page_sees_one_global_and_one_element_more_than_without_footfall(journey):
    site = journey.site(one=Page("One", body="<p>text</p>"))
    front = journey.front(site)
    person = journey.person()

    def seen(url):
        page = person.new_page()
        page.goto(f"{url}/one")
        names = set(page.evaluate("Object.getOwnPropertyNames(window)"))
        return names, page.evaluate("Array.from(document.querySelectorAll('*'), element => element.outerHTML.length)")

    names, elements = seen(front.url)
    bare_names, bare_elements = seen(site.url)
    assert names - bare_names == {"footfall"}
    assert len(elements) == len(bare_elements) + 1
    front.tells(START, FIRST)
    journey.ends(front, START, FIRST)
