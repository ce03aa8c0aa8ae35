"""Single-page applications, message by message: which changes of the address are views, when, and with what.

The clock of these pages stands still unless the test moves it, so that 300 and 500 ms are exactly that.
"""

import threading
from urllib.parse import urlsplit

import pytest
from collecting import ASLEEP, END
from fronts import poll

BUTTON = "<button>Buy</button>"
CLICK = 'button.click "Buy" via=mouse'
WITHOUT = '<script>Object.defineProperty(window, "navigation", {value: undefined})</script>'
"""A browser that does not tell of changes itself: what makes them is asked."""
WAYS = pytest.mark.parametrize("early", ["", WITHOUT], ids=["told", "asked"])


def opened(stage, body: str = BUTTON, **served: object):
    """A page of a single-page application whose part has come, a second ago."""
    page = stage.open(body, spa=True, **served)
    page.evaluate("""() => {
        window.go = (path, how = "push", title = path) => {
            history[how + "State"]({}, "", path);
            document.title = title;
        };
    }""")
    stage.listens(page)
    stage.answered(page)
    page.clock.run_for(1000)
    return page


def a_second(stage, page) -> None:
    """Passes, and what is sent in it arrives."""
    page.clock.run_for(1000)
    stage.answered(page)


def visit(uri: str, referrer: str, title: str | None = None, nav: str = "spa", **more: object) -> str:
    """The line of a visit."""
    params = {"nav": nav, "referrer": referrer, "title": uri if title is None else title, "uri": uri, **more}
    return " ".join(["page.visit", *(f"{key}={params[key]}" for key in sorted(params))])


def visits(stage) -> list[str]:
    return [line for line in stage.lines() if line.startswith("page.visit")]


@WAYS
@pytest.mark.parametrize("how", ["push", "replace"])
def test_another_path_is_a_visit_300_ms_later_with_the_title_that_it_has_then(stage, early, how):
    page = opened(stage, early=early)
    page.evaluate("how => go('/two', how, 'Loading')", how)
    page.clock.run_for(200)
    page.evaluate("document.title = 'Two'")
    page.clock.run_for(99)
    assert visits(stage) == []
    page.clock.run_for(1)
    stage.tells(visit("/two", "/one", "Two"))
    [told] = [event for event in stage.events if event["action"] == "page.visit"]
    assert told["ago"] == 300
    stage.ends(page, visit("/two", "/one", "Two"))


@WAYS
def test_back_and_forward_are_visits_and_a_fragment_or_the_same_address_is_none(stage, early):
    page = opened(stage, early=early)
    page.evaluate("go('/two')")
    a_second(stage, page)
    page.evaluate("go('/two#part'); go('/two#part', 'replace'); history.replaceState({n: 1}, '')")
    page.evaluate("location.hash = 'other'")
    a_second(stage, page)
    page.evaluate("go('/two?a=1')")
    a_second(stage, page)
    page.evaluate("history.go(-3)")
    assert poll(lambda: page.evaluate("location.pathname + location.search + location.hash"), "/two")
    a_second(stage, page)
    page.evaluate("history.go(-1)")
    page.wait_for_url("**/one")
    page.evaluate("document.title = 'One again'")
    a_second(stage, page)
    page.evaluate("history.forward()")
    page.wait_for_url("**/two")
    page.evaluate("document.title = 'Two again'")
    a_second(stage, page)
    stage.ends(
        page,
        visit("/two", "/one"),
        visit("/two?a=1", "/two"),
        visit("/two", "/two?a=1", "/two?a=1"),
        visit("/one", "/two", "One again"),
        visit("/two", "/one", "Two again"),
    )


@WAYS
def test_what_is_done_belongs_to_the_view_it_is_done_on_and_each_tells_how_long_it_was_in_use(stage, early):
    page = opened(stage, BUTTON + '<p data-track="Sale">x</p>', early=early, hover="auto")
    a_second(stage, page)
    page.hover("p")
    page.clock.run_for(500)
    page.evaluate("go('/two')")
    page.clock.run_for(100)
    page.click("button")  # before the visit is told
    page.clock.run_for(1900)
    page.evaluate("go('/three')")
    page.clock.run_for(5000)
    stage.leave(page)
    first = stage.confirmations[0]["id"]
    two, three = [event["id"] for event in stage.events if event["action"] == "page.visit"]
    belonging = {}
    for event in stage.events:
        belonging.setdefault(event["view"], []).append(event["action"])
    # A visit itself belongs to the view before.
    assert belonging == {
        first: ["element.hover", "page.leave", "page.visit"],
        two: ["button.click", "button.hover", "page.leave", "page.visit"],
        three: ["button.hover", "page.leave"] if "button.hover" in belonging[three] else ["page.leave"],
    }
    left = [event["params"]["engaged_ms"] for event in stage.events if event["action"] == "page.leave"]
    assert left == pytest.approx([2500, 2000, 5000], abs=10)
    assert stage.complaints == []


@WAYS
def test_what_is_gone_within_300_ms_was_none(stage, early):
    page = opened(stage, early=early)
    page.evaluate("go('/guarded'); go('/login', 'replace')")
    page.clock.run_for(299)
    page.evaluate("go('/form')")
    page.clock.run_for(299)
    page.evaluate("go('/form?step=1', 'replace')")
    assert visits(stage) == []
    page.clock.run_for(300)
    stage.tells(visit("/form?step=1", "/one"))
    page.evaluate("go('/two')")
    page.clock.run_for(200)
    page.evaluate("history.back()")
    page.wait_for_url("**/form?step=1")
    page.clock.run_for(50)
    page.click("button")
    page.clock.run_for(5000)
    stage.ends(page, visit("/form?step=1", "/one"), CLICK)
    told, click = [event for event in stage.events if event["action"] != "page.leave"]
    assert click["view"] == told["id"]


def test_visits_on_demand_in_a_burst_are_one_also_where_nothing_is_watched(stage):
    page = stage.open()
    a_second(stage, page)
    page.evaluate(
        "footfall.visit({uri: location.origin + '/two', step: 1}); footfall.visit({uri: location.origin + '/two'})"
    )
    page.clock.run_for(499)
    page.evaluate("footfall.visit({uri: location.origin + '/two#part'})")
    page.clock.run_for(1)
    page.evaluate("footfall.visit({uri: location.origin + '/two'})")
    page.evaluate("footfall.visit({uri: location.origin + '/three'})")
    stage.ends(
        page,
        "page.visit nav=manual step=1 title=Page uri=/two",
        "page.visit nav=manual title=Page uri=/two",
        "page.visit nav=manual title=Page uri=/three",
    )


def test_the_page_that_was_just_loaded_is_not_visited_once_more(stage):
    page = stage.open(early="<script>window.footfall = [['visit', {step: 1}]]</script>")
    page.evaluate("footfall.visit()")
    a_second(stage, page)
    page.evaluate("footfall.visit()")
    stage.ends(page, "page.visit nav=manual title=Page uri=/one")


def test_another_view_before_the_first_was_confirmed_leaves_that_as_it_was(stage):
    early = "<script>window.footfall = [['visit', {uri: location.origin + '/two'}]]</script>"
    page = stage.open(early=early)
    stage.leave(page)
    assert visits(stage) == ["page.visit nav=manual title=Page uri=/two"]
    [confirm] = stage.confirmations
    assert confirm["uri"].endswith("/one")
    assert confirm["id"] != next(event["id"] for event in stage.events if event["action"] == "page.visit")


@WAYS
@pytest.mark.parametrize("wait", [0, 100, 299])
def test_what_is_watched_and_told_on_demand_is_one_visit_with_what_the_page_says_of_it(stage, early, wait):
    page = opened(stage, early=early)
    page.evaluate("go('/two', 'push', 'Loading')")
    page.clock.run_for(wait)
    page.evaluate("footfall.visit({step: 2})")
    page.evaluate("document.title = 'Two'")
    a_second(stage, page)
    page.evaluate("go('/three'); footfall.visit({title: 'Mine'})")
    a_second(stage, page)
    stage.ends(page, visit("/two", "/one", "Two", step=2), visit("/three", "/two", "Mine"))


@WAYS
def test_told_first_and_then_watched_is_one_visit_as_well(stage, early):
    page = opened(stage, early=early)
    page.evaluate("footfall.visit({uri: location.origin + '/two', title: 'Mine'}); go('/two')")
    page.clock.run_for(400)
    page.evaluate("footfall.visit()")
    a_second(stage, page)
    page.evaluate("footfall.visit()")
    stage.ends(page, visit("/two", "/one", "Mine", "manual"), visit("/two", "/two", "/two", "manual"))


@WAYS
def test_who_leaves_before_the_visit_is_told_has_made_it(stage, early):
    page = opened(stage, early=early)
    page.evaluate("go('/two')")
    page.clock.run_for(10)
    stage.ends(page, visit("/two", "/one"))


@WAYS
def test_a_thousand_changes_in_a_loop_are_one_visit(stage, early):
    page = opened(stage, early=early)
    page.evaluate("for (let n = 0; n < 1000; n++) try { go('/loop/' + n) } catch {}")
    last = page.evaluate("location.pathname")  # browsers stop such a page at some time
    page.clock.run_for(2000)
    stage.leave(page)
    assert visits(stage) == [visit(last, "/one", "/loop/999")]
    assert [line for line in stage.complaints if "hrottling navigation" not in line] == []


@WAYS
def test_where_it_is_off_nothing_is_watched(stage, early):
    page = stage.open(BUTTON, early=early)
    page.evaluate("history.pushState({}, '', '/two')")
    a_second(stage, page)
    page.click("button")
    stage.ends(page, CLICK)
    assert not [path for _, path, _ in stage.collector.requests if "/spa." in path]


# ---- What pages do to history


@WAYS
def test_the_page_gets_what_it_would_have_got(stage, early):
    page = opened(stage, early=early)
    assert page.evaluate("history.pushState({n: 1}, '', '/two')") is None
    assert page.evaluate("history.state") == {"n": 1}
    thrown = page.evaluate("""() => {
        const names = [];
        const calls = [
            () => history.pushState({}, "", "https://elsewhere.example/"), () => history.pushState(),
            () => history.pushState(() => 0, "", "/x"), () => history.replaceState.call({}, {}, "", "/x"),
            () => (0, history.pushState)({}, "", "/x"),
        ];
        for (const call of calls) try { call(); names.push("none") } catch (error) { names.push(error.name) }
        return names;
    }""")
    assert thrown == ["SecurityError", "TypeError", "DataCloneError", "TypeError", "TypeError"]
    assert page.evaluate("[history.pushState.name, history.pushState.length]") == ["pushState", 2]
    a_second(stage, page)
    stage.ends(page, visit("/two", "/one", "Page"))


OVERRIDE = """<script>
    window.calls = [];
    for (const name of ["pushState", "replaceState"]) {
        const original = history[name];
        history[name] = function (state, title, url) {
            calls.push([this === history, arguments.length, url]);
            return original.apply(this, arguments) || "mine";
        };
    }
</script>"""


@WAYS
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_page_that_has_its_own_history_keeps_it_and_is_watched(stage, early, when):
    page = opened(stage, early=early + (OVERRIDE if when == "before" else ""))
    if when == "after":
        page.evaluate("() => {" + OVERRIDE.removeprefix("<script>").removesuffix("</script>") + "}")
    assert page.evaluate("[history.pushState({}, '', '/two'), history.replaceState({}, '', '/three')]") == [
        "mine",
        "mine",
    ]
    assert page.evaluate("calls") == [[True, 3, "/two"], [True, 3, "/three"]]
    a_second(stage, page)
    page.evaluate("history.pushState({}, '', '/four')")
    a_second(stage, page)
    stage.ends(page, visit("/three", "/one", "Page"), visit("/four", "/three", "Page"))


@WAYS
def test_a_frozen_history_stays_one_and_its_changes_are_seen_at_the_latest_with_the_next_act(stage, early):
    page = opened(stage, early=early + "<script>Object.freeze(history)</script>")
    page.evaluate("go('/two')")
    a_second(stage, page)
    page.click("button")
    a_second(stage, page)
    stage.leave(page)
    assert sorted(stage.lines()) == [CLICK, visit("/two", "/one")]
    by_action = {event["action"]: event for event in stage.events}
    assert by_action["button.click"]["view"] == by_action["page.visit"]["id"]
    assert stage.complaints == []


def test_a_page_that_throws_in_its_own_history_is_told_so_and_nothing_else(stage):
    throwing = "<script>history.pushState = () => { throw new RangeError('mine') }</script>"
    page = opened(stage, early=WITHOUT + throwing)
    assert page.evaluate("(() => { try { history.pushState() } catch (error) { return error.message } })()") == "mine"
    a_second(stage, page)
    stage.ends(page)


@WAYS
def test_two_tags_are_one_watcher(stage, early):
    page = opened(stage, early=early, tags=2)
    page.evaluate("go('/two')")
    a_second(stage, page)
    stage.ends(page, visit("/two", "/one"))


# ---- Until the part is there, where it never comes, and where nobody is tracked


@pytest.fixture
def late(stage):
    """Where the part does not come before it is told to."""
    stage.collector.part_go.clear()
    yield stage
    stage.collector.part_go.set()


def comes(stage, page) -> None:
    """Now it does. Its page is under another address by then."""
    stage.collector.pages[urlsplit(page.url).path] = stage.collector.pages["/one"]
    stage.collector.part_go.set()
    stage.listens(page)


def test_no_view_is_lost_before_the_part_has_come(late):
    page = late.open(BUTTON, spa=True)
    for path in ("/two", "/three"):
        page.evaluate("path => history.pushState({}, '', path)", path)
        page.evaluate("path => { document.title = path }", path)
        a_second(late, page)
        page.click("button")
    page.evaluate("location.hash = 'part'")
    comes(late, page)
    a_second(late, page)
    page.evaluate("history.pushState({}, '', '/four')")
    a_second(late, page)
    late.leave(page)
    bare = [f"page.visit nav=spa title={path} uri={path}" for path in ("/two", "/three")]
    assert late.lines() == [bare[0], CLICK, bare[1], CLICK, visit("/four", "/three", "/three")]
    views = [event["id"] for event in late.events if event["action"] == "page.visit"]
    assert [event["view"] for event in late.events if event["action"] == "button.click"] == views[:2]


def test_what_changed_before_it_came_is_seen_when_it_comes_also_where_nothing_tells(late):
    page = late.open(BUTTON, spa=True, early=WITHOUT)
    page.evaluate("history.pushState({}, '', '/two'); document.title = 'Two'")
    a_second(late, page)
    comes(late, page)
    a_second(late, page)
    late.ends(page, visit("/two", "/one", "Two"))


def test_a_page_is_none_the_worse_where_the_part_never_comes(stage):
    page = stage.person().new_page()
    page.route("**/_footfall/spa.*.js", lambda route: route.abort())
    stage.collector.page("/one", BUTTON, spa=True)
    page.goto(stage.collector.url + "/one")
    a_second(stage, page)
    page.evaluate("history.pushState({}, '', '/two'); document.title = 'Two'")
    a_second(stage, page)
    page.click("button")
    stage.ends(page, "page.visit nav=spa title=Two uri=/two", CLICK)


def test_the_part_waits_until_the_page_has_been_read(stage):
    go = stage.collector.holds["/slow.js"] = threading.Event()
    page = stage.person(moving=True).new_page()
    stage.collector.page("/one", '<script src="/slow.js"></script>', spa=True)
    page.goto(stage.collector.url + "/one", wait_until="commit")
    assert poll(lambda: page.evaluate("typeof footfall"), "object") == "object"
    asked = lambda: sum("/spa." in path for _, path, _ in stage.collector.requests)  # noqa: E731
    assert asked() == 0
    go.set()
    assert poll(lambda: page.evaluate("0") or asked(), 1) == 1


@WAYS
def test_forms_are_told_as_without_it_and_of_the_view_that_they_are_on(stage, early):
    body = '<form data-track-form="news" onsubmit="return false"><input data-track-field="f"></form>'
    page = opened(stage, body, early=early)
    page.evaluate("go('/two')")
    a_second(stage, page)
    page.locator("input").press_sequentially("Ada")
    page.evaluate("document.forms[0].requestSubmit()")
    a_second(stage, page)
    stage.leave(page)
    [told] = [event for event in stage.events if event["action"] == "page.visit"]
    acts = [event for event in stage.events if event["action"].startswith("form.")]
    assert [event["action"] for event in acts] == ["form.start", "form.submit"]
    assert {event["view"] for event in acts} == {told["id"]}


def test_without_forms_the_part_comes_all_the_same(stage):
    page = opened(stage, forms=False)
    page.evaluate("go('/two')")
    a_second(stage, page)
    stage.ends(page, visit("/two", "/one"))


@WAYS
def test_asleep_nothing_is_watched_until_the_visitor_agrees(stage, early):
    url = stage.collector.page("/one", BUTTON, flags=ASLEEP, spa=True, early=early)
    page = stage.person().new_page()
    page.goto(url)
    before = page.evaluate("() => { window.original = history.pushState; history.pushState({}, '', '/two') }")
    page.clock.run_for(2000)
    assert before is None and page.evaluate("history.pushState === original")
    assert stage.messages == []
    page.evaluate("footfall.on()")
    stage.push(page)
    assert poll(lambda: len(stage.confirmations), 1) == 1
    stage.collector.pages["/two"] = stage.collector.pages["/one"]
    stage.listens(page)
    a_second(stage, page)
    page.evaluate("history.pushState({}, '', '/three')")
    a_second(stage, page)
    stage.ends(page, visit("/three", "/two", "Page"))


@WAYS
def test_who_says_no_is_not_watched_any_more_and_who_says_yes_again_is(stage, early):
    page = opened(stage, early=early)
    page.evaluate("go('/two'); footfall.off()")
    page.evaluate("go('/three')")
    a_second(stage, page)
    page.evaluate("footfall.on()")
    page.evaluate("location.hash = 'part'")
    a_second(stage, page)
    page.evaluate("go('/four')")
    a_second(stage, page)
    page.goto(stage.collector.url + END)
    stage.tells(visit("/four", "/three"))
    assert [confirm["uri"].rpartition("/")[2] for confirm in stage.confirmations] == ["one", "three"]


@WAYS
def test_asleep_the_pages_own_calls_bring_nothing_either(stage, early):
    url = stage.collector.page("/one", BUTTON, flags=ASLEEP, spa=True, early=early)
    page = stage.person().new_page()
    page.goto(url)
    page.evaluate("footfall.visit(); footfall.visit({uri: location.origin + '/two'})")
    page.clock.run_for(2000)
    assert not [path for _, path, _ in stage.collector.requests if "/spa." in path]
    assert stage.messages == [] and stage.complaints == []
