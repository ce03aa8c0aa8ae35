"""Whole journeys of people who do something: what the store holds afterwards is what they did."""

import json
import sqlite3

from upstream_site import Page

START = "A1 person session.start /one"
FIRST = 'A1 person page.visit /one "One" navigate 200 confirmed'
BANNER = (
    '<div data-track="Sale" data-track-as="banner" data-track-p-sku="S1" style="position: absolute; top: 200px;'
    ' width: 200px; height: 100px"></div>'
)
FORM = (
    '<form data-track-form="news" action="/two" method="post"><input name="email" data-track-field="email">'
    '<input name="pw" type="password" data-track-field="pw"><textarea name="notes" data-track-field="notes"></textarea>'
    "<button>Send</button></form>"
)
PASSWORD, CARD = "hunter2-correct-horse", "4111 1111 1111 1111"


def stay(page, ms: int) -> float:
    """Hover over the banner for so long and go; returns how long it was for the page."""
    page.mouse.move(600, 500)
    page.evaluate(
        """() => { window.times = []; for (const type of ["pointerenter", "pointerleave"])
           document.querySelector("[data-track]").addEventListener(type, event => times.push(event.timeStamp)) }"""
    )
    page.mouse.move(100, 250)
    page.wait_for_function(f"performance.now() > times[0] + {ms}")
    page.mouse.move(600, 500)
    came, went = page.evaluate("times")
    page.wait_for_function("performance.now() > times[1] + 250")
    return went - came


def test_a_hover_a_click_and_a_form_are_stored_as_they_were(journey):
    site = journey.site(one=Page("One", body=BANNER + FORM), two=Page("Two"))
    front = journey.front(site, acts=True, FOOTFALL_CAPTURE__HOVER_MIN_MS="2000")  # nobody rests so long by chance
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    stayed = stay(page, 2_200)
    hover = 'A1 person banner.hover /one "Sale" dwell_ms=* sku=S1'
    front.tells(START, FIRST, hover)
    page.mouse.click(100, 250)
    page.mouse.move(600, 500)
    click = 'A1 person banner.click /one "Sale" sku=S1 via=mouse'
    front.tells(START, FIRST, hover, click)
    page.fill("[name=email]", "ada@shop.example")
    page.fill("[name=pw]", PASSWORD)
    page.fill("[name=notes]", f"please use {CARD}")
    page.press("[name=email]", "Enter")
    page.wait_for_url("**/two")
    send = 'A1 person button.click /one "Send" via=keyboard'
    fields = json.dumps({"email": "ada@shop.example"})
    skipped = json.dumps({"pw": "password", "notes": "card"})
    journey.ends(
        front,
        "A1 person session.start",
        FIRST,
        hover,
        click,
        'A1 person form.start /one "news" field=email',
        'A1 person field.change /one "news" dwell_ms=* field=email filled=true refocus=0',
        'A1 person field.change /one "news" dwell_ms=* field=notes filled=true refocus=0',
        send,
        f'A1 person form.submit /one "news" fields={fields} skipped={skipped} to=/two',
        'A1 person form.result /one "news" outcome=accepted status=200',
        'A1 person page.visit /two "Two" navigate 200 POST confirmed from /one',
        any_order=True,
    )
    [dwell] = [json.loads(line)["params"]["dwell_ms"] for line in front.export().splitlines() if "banner.hover" in line]
    assert abs(dwell - stayed) <= 20
    for name in (front.store, front.store.with_name(front.store.name + "-wal"), front.log):
        held = name.read_bytes() if name.exists() else b""
        assert PASSWORD.encode() not in held and CARD.encode() not in held, name


def test_a_leave_is_stored_with_how_long_the_page_was_in_use(journey):
    site = journey.site(one=Page("One", body='<a href="/two">on</a>'), two=Page("Two"))
    front = journey.front(site, acts=True, FOOTFALL_CAPTURE__HOVER="off")
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    page.click("a")
    page.wait_for_url("**/two")
    journey.ends(
        front,
        "A1 person session.start",
        FIRST,
        'A1 person link.click /one "on" href=/two outbound=false via=mouse',
        'A1 person page.visit /two "Two" navigate 200 confirmed from /one',
        any_order=True,
    )
    leaves = [line for line in front.lines(leaves=True) if "page.leave" in line]
    assert sorted(leaves) == [f"A1 person page.leave {path} engaged_ms=* scroll_pct=100" for path in ("/one", "/two")]


def test_nothing_is_stored_twice_when_a_message_is(journey):
    """The page's own events, sent again to the letter: by a lost answer, a second beacon, a copied tab."""
    site = journey.site(one=Page("One", body="<button data-track='Buy' data-track-on='click'>x</button>"))
    front = journey.front(site)
    page = journey.person().new_page()
    bodies = []
    page.on("request", lambda request: bodies.append(request.post_data) if request.method == "POST" else None)
    page.goto(f"{front.url}/one")
    page.click("button")
    click = 'A1 person button.click /one "Buy" via=mouse'
    front.tells(START, FIRST, click)
    for body in list(bodies) * 2:
        page.evaluate(
            """body => { navigator.sendBeacon("/_footfall/events", body);
               return fetch("/_footfall/events", {method: "POST", body}).then(answer => answer.json()) }""",
            body,
        )
    journey.ends(front, START, FIRST, click)


def test_who_says_no_is_forgotten_and_who_says_yes_again_is_counted(journey):
    site = journey.site(one=Page("One", body="<button data-track='Buy'>x</button>"))
    front = journey.front(site)
    person = journey.person()
    page = person.new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    page.evaluate("footfall.off()")
    ended = "A1 person session.end opt_out after 1 at /one"
    front.tells(START, FIRST, ended)
    page.click("button")
    page.reload()
    assert page.locator("script[data-page]").count() == 0
    assert [cookie["name"] for cookie in person.cookies()] == ["footfall_consent"]
    journey.ends(front, START, FIRST, ended)


def test_a_store_that_is_gone_for_a_while_gets_what_was_kept(journey):
    """Locked by somebody else, so that nothing can be committed; the page goes on, and so does its reader."""
    site = journey.site(one=Page("One", body="<button data-track='Buy' data-track-on='click'>x</button>"))
    front = journey.front(site)
    page = journey.person().new_page()
    page.goto(f"{front.url}/one")
    front.tells(START, FIRST)
    other = sqlite3.connect(front.store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    page.click("button")
    page.mouse.move(600, 500)
    other.execute("ROLLBACK")
    other.close()
    journey.ends(front, START, FIRST, 'A1 person button.click /one "Buy" via=mouse')
