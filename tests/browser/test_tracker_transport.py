"""How events travel, and that the page is never the worse for it (EVENTS.md section 9)."""

import contextlib
import json
import statistics
import threading
import time

import pytest
from collecting import END, NEW, Answer
from fronts import poll

BUTTON = "<button>Buy</button>"
CLICK = 'button.click "Buy" via=mouse'
LINK = '<a href="/end">Next</a>'
MANY = "([number, text]) => { for (let i = 0; i < number; i++) footfall.event('test.many', {i, text}) }"
EVENTS_MAX, BODY_MAX_BYTES = 50, 32 * 1024


def down(status: int):
    return lambda number: Answer(status=status, body="<h1>no</h1>")


def numbers(stage) -> list[int]:
    """The events of MANY, every one as often as it came: in their order within a message, while the messages, which
    travel side by side, are put in theirs."""
    runs = [
        [event["params"]["i"] for event in message.events if event["action"] == "test.many"]
        for message in list(stage.collector.messages)
    ]
    return [number for run in sorted(runs) for number in run]


SIZES = [(90, "", "by number"), (40, "ł" * 500, "by bytes, not characters"), (6, "x" * 9000, "few and large")]
"""Less than the 64 KiB that a browser takes for a page that is left."""


@pytest.mark.parametrize("leaving", [False, True], ids=["while it stays", "when it is left"])
@pytest.mark.parametrize(("number", "text"), [row[:2] for row in SIZES], ids=[row[2] for row in SIZES])
def test_what_is_too_much_for_a_message_is_split_and_never_cut(stage, number, text, leaving):
    page = stage.open()
    page.evaluate(MANY, [number, text])
    if not leaving:
        page.clock.run_for(1000)
        assert poll(lambda: numbers(stage), list(range(number))) == list(range(number))
    stage.leave(page)
    assert poll(lambda: numbers(stage), list(range(number))) == list(range(number))
    assert all(len(message.events) <= EVENTS_MAX for message in stage.collector.messages)
    assert all(message.size <= BODY_MAX_BYTES for message in stage.collector.messages)
    assert {message.type for message in stage.collector.messages} == {"text/plain;charset=UTF-8"}
    assert stage.complaints == []


def test_what_was_sent_takes_no_room_of_what_is_sent_later(stage):
    """Chromium lets 64 KiB be under way for pages that may be left, and a message is until its answer has been read."""
    page = stage.open()
    for number in range(12):
        page.evaluate("i => footfall.event('test.many', {i, text: 'x'.repeat(9000)})", number)
        # Again while it waits: what is sent before the last answer has been read waits for that.
        assert poll(lambda: page.clock.run_for(1000) or len(numbers(stage)), number + 1) == number + 1
    stage.leave(page)
    # Once each by their ids: whoever leaves before the last answer has been read may send its message again.
    assert [event["params"]["i"] for event in stage.events if event["action"] == "test.many"] == list(range(12))
    assert stage.complaints == []


def test_more_than_a_hundred_events_do_not_wait(stage):
    page = stage.open()
    page.evaluate(MANY, [150, ""])
    page.clock.run_for(1000)
    assert poll(lambda: numbers(stage), list(range(100))) == list(range(100))
    stage.leave(page)
    assert numbers(stage) == list(range(100))


REFUSING = """<script>
const real = navigator.sendBeacon.bind(navigator);
navigator.sendBeacon = (url, body) => body.length < %d && real(url, body);
</script>"""


@pytest.mark.parametrize("most", [0, 3000], ids=["everything", "what is large"])
def test_beacons_that_the_browser_refuses_go_in_halves_or_by_fetch(stage, most):
    page = stage.open(early=REFUSING % most)
    page.evaluate(MANY, [40, "x" * 100])
    stage.leave(page)
    assert poll(lambda: numbers(stage), list(range(40))) == list(range(40))


def answered(page, work) -> None:
    """Do this, until the collector's answer to what it sends has been seen by the page."""
    with page.expect_request("**/_footfall/events") as sent:
        work()
    sent.value.response()
    seen(page)


def seen(page) -> None:
    """What has arrived in the browser by now has been handled in the page, too."""
    page.evaluate("fetch('/favicon.ico').then(answer => answer.text())")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_message_that_fails_is_sent_three_times_more_with_the_same_ids(stage, status):
    page = stage.open(BUTTON)
    first = len(stage.collector.messages)
    stage.collector.answer = down(status)
    answered(page, lambda: page.click("button"))
    for number, about in enumerate((1000, 4000, 16000), 1):
        page.clock.run_for(int(about * 0.7))
        seen(page)
        assert len(stage.collector.messages) - first == number
        answered(page, lambda about=about: page.clock.run_for(int(about * 0.6)))
    page.clock.run_for(120_000)
    seen(page)
    tried = stage.collector.messages[first:]
    assert len(tried) == 4
    assert len({message.events[0]["id"] for message in tried}) == 1
    agos = [message.events[0]["ago"] for message in tried]
    assert agos == sorted(agos) and agos[-1] > 15_000
    assert stage.lines() == [CLICK]


def test_a_message_that_no_network_takes_is_sent_again(stage):
    page = stage.open(BUTTON)
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.click("button")
        stage.push(page)
    page.evaluate("fetch('/favicon.ico').catch(() => 0)")
    assert stage.lines() == []
    page.context.set_offline(False)
    page.clock.run_for(1300)
    stage.tells(CLICK)
    stage.ends(page, CLICK)


@pytest.mark.parametrize(
    ("moved", "told"), [(2 * 3600, 7_200_000), (-3600, -3_600_000)], ids=["a machine that slept", "a clock set back"]
)
def test_an_age_is_what_the_clock_makes_of_it_when_it_is_sent(stage, moved, told):
    """The server counts less than nothing as nothing, and what is over half an hour as that (test_incoming.py)."""
    page = stage.open()
    page.evaluate("footfall.event('test.calm')")
    page.clock.set_system_time(page.evaluate("Date.now()") / 1000 + moved)
    page.clock.run_for(1000)
    stage.tells("test.calm")
    [calm] = [event for event in stage.events if event["action"] == "test.calm"]
    assert told <= calm["ago"] <= told + 1000


@pytest.mark.parametrize("status", [200, 202, 204, 400, 403, 404, 413, 415])
def test_every_other_answer_is_final(stage, status):
    page = stage.open(BUTTON, hover="off")
    first = len(stage.collector.messages)
    stage.collector.answer = down(status)
    answered(page, lambda: page.click("button"))
    page.clock.run_for(60_000)
    stage.leave(page)
    assert [len(message.events) for message in stage.collector.messages[first:]] == [1, 1]
    assert stage.lines() == [CLICK]


def test_a_click_while_the_collector_fails_goes_with_the_next_try(stage):
    page = stage.open(BUTTON, hover="off")
    stage.collector.answer = down(503)
    answered(page, lambda: page.click("button"))
    page.clock.run_for(100)
    page.click("button")
    page.clock.run_for(100)
    stage.collector.answer = lambda number: Answer()
    answered(page, lambda: page.clock.run_for(1200))
    assert [event["action"] for event in stage.collector.messages[-1].events] == ["button.click"] * 2
    stage.ends(page, CLICK, CLICK)


def test_one_message_at_a_time_is_on_its_way(stage):
    """A collector that hangs must not take up the few connections that a browser has for a site."""
    page = stage.open(BUTTON, hover="off")
    first = len(stage.collector.messages)
    go = threading.Event()
    stage.collector.answer = lambda number: Answer(wait=go)
    for _ in range(3):
        page.click("button")
        page.clock.run_for(1000)
    assert poll(lambda: len(stage.collector.messages), first + 1) == first + 1
    with page.expect_response("**/_footfall/events"):
        go.set()
    seen(page)
    stage.push(page)
    stage.tells(CLICK, CLICK, CLICK)
    assert [len(message.events) for message in stage.collector.messages[first:]] == [1, 2]


FORM = '<form data-track-form="news" onsubmit="return false"><input data-track-field="f" data-track-on="change"></form>'


def test_what_could_be_kept_arrives_on_the_next_page_when_the_collector_is_back_once(stage):
    stage.collector.answer = down(503)
    one = stage.collector.page("/one", BUTTON + FORM, title="One")
    two = stage.collector.page("/two", BUTTON, title="Two")
    page = stage.person().new_page()
    page.goto(one)
    answered(page, lambda: stage.push(page))
    page.click("button")
    page.fill("input", "Ada")
    page.press("input", "Enter")
    page.clock.run_for(500)
    stage.leave(page)
    kept = page.evaluate("sessionStorage.footfall")
    assert "button.click" in kept and "page.leave" in kept and "Ada" not in kept
    first, second = (stage.collector.pages[path].id for path in ("/one", "/two"))
    # A page that is left is hidden right after: what its beacons carry is on its way twice.
    assert poll(lambda: len(left_by(stage, first)), 2) == 2
    page.clock.run_for(20_000)
    stage.collector.answer = lambda number: Answer()
    sent = len(stage.collector.messages)
    with waiting(page, answers=3):
        page.goto(two)
        stage.push(page)
    late, own = [], []
    for message in stage.collector.messages[sent:]:
        (late if message.page == first else own).append(message)
    assert [event["action"] for message in late for event in message.events] == [
        "button.click",
        "form.start",
        "page.leave",
    ]
    [confirm] = [message.body["confirm"] for message in late if "confirm" in message.body]
    assert confirm["title"] == "One"
    assert {event["view"] for message in late for event in message.events} == {confirm["id"]}
    assert all(event["ago"] >= 20_000 for message in late for event in message.events)
    assert [(message.page, message.body["confirm"]["title"]) for message in own] == [(second, "Two")]
    # and once they have arrived, they are not kept any longer
    stage.leave(page)
    assert page.evaluate("sessionStorage.footfall") == "[]"
    assert stage.complaints == []


def left_by(stage, page_id: str) -> list[object]:
    """Messages of a page that bring its leave."""
    return [
        message
        for message in list(stage.collector.messages)
        if message.page == page_id and any(event["action"] == "page.leave" for event in message.events)
    ]


@contextlib.contextmanager
def waiting(page, answers: int):
    """Until the collector's answers have been seen by the page."""
    came: list[object] = []
    page.on("response", lambda response: came.append(response) if response.url.endswith("/events") else None)
    yield
    assert poll(lambda: page.wait_for_timeout(1) or len(came), answers) == answers
    seen(page)


BREAKING = """() => {
    const no = () => { throw new Error("broken by the page") };
    window.fetch = window.setTimeout = window.clearTimeout = no;
    Object.defineProperty(navigator, "sendBeacon", {value: no});
    JSON.stringify = JSON.parse = no;
    window.XMLHttpRequest = no;
}"""


def test_a_page_that_breaks_what_we_send_with_does_not_break_us(stage):
    page = stage.open(BUTTON)
    page.evaluate(BREAKING)
    page.click("button")
    page.clock.run_for(10)
    stage.tells(CLICK)
    stage.ends(page, CLICK)


OLD_LIBRARIES = """<script>
Array.prototype.toJSON = function () { return "[" + this.join() + "]" };
Array.prototype.each = Array.prototype.forEach;
String.prototype.toJSON = function () { return '"' + this + '"' };
Object.defineProperty(Array.prototype, "filter", {value: () => { throw new Error("broken by the page") }});
</script>"""


def test_a_page_that_breaks_the_language_is_not_made_worse(stage):
    stage.collector.page("/one", LINK, early=OLD_LIBRARIES)
    page = stage.person().new_page()
    page.goto(stage.collector.url + "/one")
    stage.push(page)
    page.click("a")
    page.wait_for_url("**/end")
    assert stage.complaints == []


MISSING = {
    "storage is blocked": (
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    ),
    "storage is full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
    "there is no sendBeacon": "delete Navigator.prototype.sendBeacon",
    "there is no randomUUID": "delete Crypto.prototype.randomUUID",
    "there is no history": "history.pushState = history.replaceState = undefined",
    "there is something in the storage": "try { sessionStorage.footfall = '{oops' } catch {}",
}


@pytest.mark.parametrize("missing", MISSING)
def test_it_works_where(stage, missing):
    page = stage.open(BUTTON, early=f"<script>{MISSING[missing]}</script>")
    page.click("button")
    stage.ends(page, CLICK)


def test_two_tabs_tell_their_own(stage):
    url = stage.collector.page("/one", BUTTON)
    person = stage.person()
    tabs = [person.new_page() for _ in range(2)]
    for tab in tabs:
        stage.show(tab, url)
    for tab in (tabs[0], tabs[1], tabs[0]):
        tab.bring_to_front()
        tab.click("button")
        tab.clock.run_for(50)
    for tab in tabs:
        stage.leave(tab)
    assert stage.lines() == [CLICK] * 3
    views = [event["view"] for event in stage.events if event["action"] == "button.click"]
    assert len(set(views)) == 2 and set(views) == {confirm["id"] for confirm in stage.confirmations}


def test_a_message_that_comes_again_because_its_answer_was_lost_has_the_same_ids(stage):
    """Received, but the connection broke: the beacon on leaving says it once more."""
    page = stage.open(BUTTON)
    stage.collector.answer = lambda number: Answer(drops=True)
    with page.expect_event("requestfailed"):
        page.click("button")
        stage.push(page)
    seen(page)
    stage.collector.answer = lambda number: Answer()
    stage.leave(page)
    raw = [
        event["id"]
        for message in stage.collector.messages
        for event in message.events
        if event["action"] != "page.leave"
    ]
    assert len(raw) >= 2 and len(set(raw)) == 1  # the browser itself tries once more
    assert stage.lines() == [CLICK]


def test_it_listens_to_nothing_that_keeps_a_page_from_being_cached(stage):
    spy = """<script>window.types = []; const real = addEventListener;
        for (const it of [window, document]) it.addEventListener = function (type) {
        types.push(type);
        return real.apply(this, arguments);
    };
    </script>"""
    page = stage.open(early=spy)
    types = page.evaluate("types")
    assert "click" in types and "pagehide" in types
    assert not {"unload", "beforeunload"} & set(types)


RUBBISH = {
    "an error": Answer(status=500, body="<h1>Error"),
    "no JSON": Answer(status=202, body="{{{"),
    "nothing": Answer(status=202, body=""),
    "a connection that breaks": Answer(drops=True),
    "a redirect to nowhere": Answer(status=302, body=""),
}


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_the_site_works_and_the_console_is_silent_when_the_collector_answers(stage, rubbish):
    stage.collector.answer = lambda number: RUBBISH[rubbish]
    url = stage.collector.page(
        "/one", f'{LINK}<form action="/end" data-track-form="a"><input data-track-field="b"></form>'
    )
    page = stage.person(moving=True).new_page()
    page.goto(url)
    page.click("a")
    page.wait_for_url("**/end")
    page.go_back()
    page.fill("input", "x")
    page.press("input", "Enter")
    page.wait_for_url("**/end?*")
    assert stage.complaints == []


def next_page_ms(stage, tagged: bool, action: str) -> float:
    """From a click or Enter to the request of the next page, as the server sees it."""
    body = f'{LINK}<form action="/end" data-track-form="a"><input data-track-field="b" value="x"></form>'
    url = stage.collector.page("/timed", body, tagged=tagged)
    page = stage.person(moving=True).new_page()
    page.goto(url)
    page.hover("a")
    page.focus("input")
    stage.collector.requests.clear()
    began = time.monotonic()
    if action == "link":
        page.mouse.down()
        page.mouse.up()
    else:
        page.keyboard.press("Enter")
    page.wait_for_url("**/end*")
    [arrived] = [at for _, path, at in stage.collector.requests if path == END]
    return (arrived - began) * 1000


@pytest.mark.parametrize("action", ["link", "submit"])
def test_a_collector_that_never_answers_delays_neither_links_nor_forms(stage, action):
    never = threading.Event()
    stage.collector.answer = lambda number: Answer(wait=never)
    try:
        took = [(next_page_ms(stage, False, action), next_page_ms(stage, True, action)) for _ in range(5)]
    finally:
        never.set()
    bare, tracked = (statistics.median(times) for times in zip(*took, strict=True))
    assert tracked < bare + 100, f"{tracked:.0f} ms with the tracker, {bare:.0f} ms without"


def test_what_is_not_urgent_comes_within_a_second(stage):
    page = stage.open(LINK, hover="off")
    answered(page, lambda: page.evaluate("footfall.event('test.first')") or page.clock.run_for(1000))
    page.clock.run_for(1)  # after an answer it asks whether there is more to send
    page.evaluate("footfall.event('test.calm')")
    page.clock.run_for(500)
    seen(page)
    stage.tells("test.first")
    page.clock.run_for(499)
    stage.tells("test.first", "test.calm")
    assert 500 < stage.events[-1]["ago"] < 1000


def test_a_visitor_who_was_new_here_says_so_once_more_where_leaves_are_not_told(stage):
    page = stage.open(flags=1 | NEW, leave=False)
    first = len(stage.collector.messages)
    page.goto(stage.collector.url + END)
    assert poll(lambda: len(stage.collector.messages) > first, True) is True
    last = {message.raw for message in stage.collector.messages[first:]}
    assert last == {f'{{"v":1,"page":"{stage.collector.pages["/one"].id}","events":[]}}'}


def test_a_message_says_nothing_but_what_the_contract_lists(stage):
    page = stage.open(BUTTON)
    page.click("button")
    stage.leave(page)
    for message in stage.collector.messages:
        assert set(message.body) <= {"v", "page", "confirm", "events"}
        assert json.loads(message.raw)["v"] == 1
        for event in message.events:
            assert set(event) == {"id", "view", "action", "params", "ago"}
            assert isinstance(event["ago"], int)
