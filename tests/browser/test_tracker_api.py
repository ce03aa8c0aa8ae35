"""What a page may call, what the tracker does without being asked, and when it is asleep."""

import threading

import pytest
from collecting import ASLEEP, END, Answer
from fronts import poll

BUTTON = "<button>Buy</button>"
CLICK = 'button.click "Buy" via=mouse'
HIDE = """hidden => {
    Object.defineProperty(Document.prototype, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
}"""


@pytest.fixture(scope="module")
def engine(browser):
    """With its window, which alone knows of tabs that nobody sees."""
    return browser


def leaves(stage) -> list[dict]:
    return [event["params"] for event in stage.events if event["action"] == "page.leave"]


def cookies(page) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}


def test_an_event_of_the_page_is_sent_as_it_was_when_it_was_told(stage):
    page = stage.open()
    page.evaluate("() => { const more = {n: 1, list: ['a']}; footfall.event('test.one', more); more.n = 2 }")
    page.evaluate("footfall.event('test.two')")
    stage.ends(page, 'test.one list=["a"] n=1', "test.two")


def test_a_visit_is_a_page_visit_that_later_events_belong_to(stage):
    page = stage.open(BUTTON)
    page.clock.run_for(2000)
    page.evaluate("history.pushState({}, '', '/cart'); document.title = 'Cart'; footfall.visit({step: 2})")
    page.clock.run_for(1000)
    page.click("button")
    stage.ends(page, "page.visit nav=manual step=2 title=Cart uri=/cart", CLICK)
    first, visit, click, last = stage.events
    assert (first["action"], first["view"]) == ("page.leave", stage.confirmations[0]["id"])
    assert first["params"]["engaged_ms"] == pytest.approx(2000, abs=10)
    assert click["view"] == last["view"] == visit["id"]
    assert last["params"]["engaged_ms"] == pytest.approx(1000, abs=10)


EARLY = "<script>window.footfall = window.footfall || []; footfall.push(%s)</script>"


def test_what_the_page_said_before_the_tracker_came_is_not_lost_and_push_goes_on_working(stage):
    page = stage.open(early=EARLY % "['event', 'test.early', {n: 1}], ['token', 'a.b.c']")
    page.evaluate("footfall.push(['event', 'test.later', {n: 2}])")
    stage.ends(page, "test.early n=1", "test.later n=2")
    assert {message.body.get("token") for message in stage.messages} == {"a.b.c"}
    assert all("a.b.c" not in str(message.events) for message in stage.messages)


def test_who_said_no_before_the_tracker_came_is_not_tracked_at_all(stage):
    url = stage.collector.page("/one", BUTTON, early=EARLY % "['off']")
    page = stage.person().new_page()
    page.goto(url)
    stage.push(page)
    page.click("button")
    page.clock.run_for(5000)
    page.goto(stage.collector.url + END)
    assert poll(lambda: len(stage.messages), 1) == 1
    assert [message.body for message in stage.messages] == [
        {"v": 1, "page": stage.collector.pages["/one"].id, "consent": "out", "events": []}
    ]
    assert cookies(page) == {"footfall_consent": "out"}


def test_two_tags_are_one_tracker(stage):
    page = stage.open(BUTTON, tags=2)
    page.click("button")
    stage.ends(page, CLICK)
    assert len(stage.confirmations) == 1


def test_a_token_goes_with_every_later_message(stage):
    page = stage.open(BUTTON)
    page.evaluate("footfall.token('a.b.c')")
    page.click("button")
    stage.ends(page, CLICK)
    first, *later = [message.body.get("token") for message in stage.messages]
    assert first is None and set(later) == {"a.b.c"}


def test_off_says_so_at_once_and_is_the_last_word(stage):
    answered = threading.Event()  # until then the first message is under way, and what waits goes on waiting
    stage.collector.answer = lambda number: Answer(wait=None if number else answered)
    page = stage.open(f'{BUTTON}<div data-track="A">x</div>')
    page.evaluate("footfall.event('test.waiting')")
    page.hover("div")
    page.clock.run_for(500)
    page.evaluate("footfall.off()")
    answered.set()
    assert cookies(page) == {"footfall_consent": "out"}
    page.click("button")
    page.evaluate("footfall.event('test.after'); footfall.visit()")
    page.clock.run_for(5000)
    page.goto(stage.collector.url + END)
    assert poll(lambda: len(stage.messages), 2) == 2
    last = stage.messages[-1].body
    assert last == {"v": 1, "page": stage.collector.pages["/one"].id, "consent": "out", "events": []}
    assert page.evaluate("Object.keys(sessionStorage)") == []
    assert stage.lines() == [] and stage.complaints == []


def test_on_again_is_a_new_showing(stage):
    page = stage.open(BUTTON)
    page.evaluate("footfall.off()")
    page.clock.run_for(1000)
    page.evaluate("footfall.on()")
    assert cookies(page) == {"footfall_consent": "in"}
    page.click("button")
    stage.ends(page, CLICK)
    assert [message.body.get("consent") for message in stage.messages][:3] == [None, "out", "in"]
    first, second = stage.confirmations
    assert first["id"] != second["id"] and second["nav"] == "navigate"
    assert stage.events[0]["view"] == second["id"]


def test_on_for_somebody_who_is_tracked_anyway_is_only_told(stage):
    page = stage.open(BUTTON)
    page.evaluate("footfall.on()")
    page.click("button")
    stage.ends(page, CLICK)
    assert cookies(page) == {"footfall_consent": "in"}
    assert [message.body.get("consent") for message in stage.messages].count("in") == 1
    assert len(stage.confirmations) == 1


def test_the_cookie_lasts_395_days_for_the_whole_site(stage):
    page = stage.open()
    page.evaluate("footfall.on()")
    [cookie] = page.context.cookies()
    assert (cookie["path"], cookie["sameSite"], cookie["httpOnly"], cookie["secure"]) == ("/", "Lax", False, False)
    assert stage.complaints == []


SPY = """<script>window.types = []; const real = addEventListener;
    for (const it of [window, document]) it.addEventListener = function (type) {
        types.push(type);
        return real.apply(this, arguments);
    };
</script>"""


def test_asleep_it_does_nothing_at_all_until_it_is_told_to(stage):
    url = stage.collector.page("/one", BUTTON, early=SPY, flags=ASLEEP)
    page = stage.person().new_page()
    page.goto(url)
    page.click("button")
    page.evaluate("footfall.event('test.one'); footfall.visit(); footfall.token('a.b.c')")
    page.clock.run_for(5000)
    assert page.evaluate("types") == []
    assert stage.messages == []
    page.evaluate("footfall.on()")
    stage.push(page)
    assert poll(lambda: len(stage.messages), 1) == 1
    [message] = stage.messages
    assert (message.body["consent"], message.body["confirm"]["nav"], message.events) == ("in", "navigate", [])
    assert "footfall_consent=in" in message.cookie
    page.clock.run_for(100)
    page.click("button")
    stage.ends(page, CLICK)


def test_a_copy_that_slept_is_awake_once_its_visitor_has_agreed_elsewhere(stage):
    url = stage.collector.page("/one", BUTTON, flags=ASLEEP)
    person = stage.person()
    person.add_cookies([{"name": "footfall_consent", "value": "in", "url": url}])
    page = person.new_page()
    page.goto(url)
    page.click("button")
    stage.ends(page, CLICK)
    assert poll(lambda: len(stage.confirmations), 1) == 1


def test_asleep_and_left_it_says_nothing(stage):
    url = stage.collector.page("/one", BUTTON, flags=ASLEEP)
    page = stage.person().new_page()
    page.goto(url)
    page.goto(stage.collector.url + END)
    page.goto(url)
    assert stage.messages == []


WRONG = [
    "undefined",
    "null",
    "7",
    "''",
    "{}",
    "[]",
    "'a.b', 7",
    "'a.b', null",
    "'a.b', {n: 1n}",
    "'a.b', loop",
    "document",
    "...[[[]]]",
]


@pytest.mark.parametrize("call", ["visit", "event", "token", "push"])
def test_no_call_ever_throws(stage, call):
    page = stage.open()
    page.evaluate("window.loop = {}; loop.loop = loop")
    for given in (*WRONG, ""):
        page.evaluate(f"footfall.{call}({given})")
    page.evaluate("footfall.push(['nothing'], ['event'], [], null)")
    page.evaluate("const {on, off, event} = footfall; event('test.bare'); off(); on()")
    page.clock.run_for(2000)
    stage.leave(page)
    assert stage.complaints == []


def test_the_first_leave_always_tells_and_later_ones_what_has_come_since(stage):
    page = stage.open()
    page.clock.run_for(2000)
    page.evaluate(HIDE, True)
    page.clock.run_for(60_000)
    page.evaluate(HIDE, False)
    page.evaluate(HIDE, True)
    page.evaluate(HIDE, False)
    page.clock.run_for(500)
    page.evaluate(HIDE, True)
    page.clock.run_for(1000)
    page.goto(stage.collector.url + END)
    assert poll(lambda: len(leaves(stage)), 2) == 2
    second, first = sorted(params["engaged_ms"] for params in leaves(stage))
    assert first == pytest.approx(2000, abs=10)
    assert second == 500


def test_the_first_leave_tells_even_when_nothing_was_done(stage):
    page = stage.open(f"<script>({HIDE})(true)</script>")
    page.clock.run_for(5000)
    page.goto(stage.collector.url + END)
    assert poll(lambda: leaves(stage), [{"engaged_ms": 0, "scroll_pct": 100}]) == [{"engaged_ms": 0, "scroll_pct": 100}]


def test_in_use_is_until_thirty_seconds_after_the_last_input(stage):
    page = stage.open()
    page.clock.run_for(10_000)
    page.mouse.move(5, 5)
    page.clock.run_for(100_000)
    page.keyboard.press("a")
    page.clock.run_for(5000)
    stage.leave(page)
    [params] = leaves(stage)
    assert params["engaged_ms"] == pytest.approx(10_000 + 30_000 + 5000, abs=10)


@pytest.mark.parametrize(("down", "percent"), [(0, 25), (600, 50), (1800, 100)])
def test_how_far_down_the_page_was_seen(stage, down, percent):
    page = stage.open(
        '<style>body { margin: 0 }</style><div style="height: 2400px"></div>',
        options={"viewport": {"width": 800, "height": 600}},
    )
    page.evaluate("down => scrollTo(0, down)", down)
    page.mouse.move(5, 5)
    poll(lambda: page.evaluate("scrollY"), down)
    page.screenshot()  # a frame: scroll events come with it
    page.evaluate("scrollTo(0, 0)")
    page.screenshot()
    stage.leave(page)
    assert leaves(stage)[0]["scroll_pct"] == percent


def test_leaves_can_be_switched_off(stage):
    page = stage.open(BUTTON, leave=False)
    page.click("button")
    page.goto(stage.collector.url + END)
    stage.tells(CLICK)
    assert leaves(stage) == []
