"""Hovers: what counts as one, and how long it was. The clock is the test's, so a millisecond is a millisecond."""

import pytest

PLACE = "position: absolute; left: 0; width: 100px; height: 100px; margin: 0; padding: 0; border: 0; display: block"
AWAY = (600, 600)


@pytest.fixture(scope="module")
def engine(browser):
    """With its window: the engine alone moves a pointer a frame later."""
    return browser


@pytest.fixture
def stage(stage):
    stage.collector.settings["hover"] = "auto"
    return stage


def at(element: str, top: int, inside: str = "", style: str = "") -> str:
    """An element of 100 by 100 pixels, `top` pixels down."""
    name = element.split()[0]
    return f'<{element} style="{PLACE}; top: {top}px; {style}">{inside}</{name}>'


BANNER = at('div data-track="Sale" data-track-as="banner"', 0, '<i id="child">text</i>')


def stay(page, where, ms: int) -> None:
    """The pointer comes, stays, and goes."""
    page.mouse.move(*where)
    page.clock.run_for(ms)
    page.mouse.move(*AWAY)


LONG_ENOUGH = [
    ("div data-track=A", {}, 299, []),
    ("div data-track=A", {}, 300, ['element.hover "A" dwell_ms=300']),
    ("div data-track=A", {"hoverMin": 50}, 50, ['element.hover "A" dwell_ms=50']),
    ("div data-track=A", {"hoverMin": 2000}, 1999, []),
    ("a href=#", {}, 999, []),
    ("a href=#", {}, 1000, ['link.hover "text" dwell_ms=1000']),
    ("a href=#", {"hoverMin": 2000}, 1999, []),
    ("a href=#", {"hoverMin": 50}, 999, []),
    ("button", {}, 1000, ['button.hover "text" dwell_ms=1000']),
    ("div role=button", {}, 1000, ['button.hover "text" dwell_ms=1000']),
    ("a", {}, 5000, []),
    ("div", {}, 5000, []),
    ("div data-track=A", {"hover": "tagged"}, 300, ['element.hover "A" dwell_ms=300']),
    ("a href=#", {"hover": "tagged"}, 5000, []),
    ("div data-track=A", {"hover": "off"}, 5000, []),
    ("a href=#", {"hover": "off"}, 5000, []),
    ("div data-track=A data-track-on=click", {}, 5000, []),
    ("div data-track=A data-track-on='click hover'", {}, 400, ['element.hover "A" dwell_ms=400']),
    ("div data-track=A data-track-off", {}, 5000, []),
    ("a href=# data-track-off", {}, 5000, []),
    ("div data-track=A data-track-as=menu data-track-p-sku=S1", {}, 400, ['menu.hover "A" dwell_ms=400 sku=S1']),
    ("div data-track=A", {}, 60_000, ['element.hover "A" dwell_ms=60000']),
    ("div data-track=A", {}, 61_000, ['element.hover "A" capped=true dwell_ms=60000']),
]


@pytest.mark.parametrize(("element", "settings", "ms", "expected"), LONG_ENOUGH)
def test_a_hover_counts_from_its_threshold_on(stage, element, settings, ms, expected):
    page = stage.open(at(element, 0, "text"), **settings)
    stay(page, (50, 50), ms)
    stage.ends(page, *expected)


DRAWING = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='90' height='60'/>"
IMAGE = f'<img alt="Vase" src="{DRAWING}">'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (at("div", 0, IMAGE), 'image.hover "Vase" dwell_ms=1500'),
        (at("a href=#", 0, IMAGE), 'link.hover "Vase" dwell_ms=1500'),
        (at("a href=# aria-label=Shop", 0, IMAGE), 'link.hover "Shop" dwell_ms=1500'),
        (at("div data-track=Box", 0, IMAGE), 'element.hover "Box" dwell_ms=1500'),
        (at("a href=#", 0, "x" * 120, "overflow: hidden"), f'link.hover "{"x" * 100}" dwell_ms=1500'),
    ],
)
def test_what_a_hover_is_over_and_how_it_is_named(stage, body, expected):
    page = stage.open(body)
    stay(page, (40, 30), 1500)
    stage.ends(page, expected)


def test_moves_to_a_child_and_back_do_not_count(stage):
    page = stage.open(BANNER)
    page.mouse.move(90, 90)
    for where in ((5, 8), (90, 90), (6, 9), (90, 90)):
        page.clock.run_for(100)
        page.mouse.move(*where)
    page.clock.run_for(100)
    page.mouse.move(*AWAY)
    stage.ends(page, 'banner.hover "Sale" dwell_ms=500')


def test_of_nested_tags_the_innermost_counts(stage):
    page = stage.open(at("div data-track=Outer", 0, at("div data-track=Inner", 40, style="height: 40px")))
    page.mouse.move(50, 20)
    page.clock.run_for(400)
    page.mouse.move(50, 60)
    page.clock.run_for(700)
    page.mouse.move(50, 95)
    page.clock.run_for(500)
    page.mouse.move(*AWAY)
    stage.ends(
        page,
        'element.hover "Outer" dwell_ms=400',
        'element.hover "Inner" dwell_ms=700',
        'element.hover "Outer" dwell_ms=500',
    )


def test_an_inner_tag_that_watches_no_hovers_leaves_them_to_the_outer_one(stage):
    inner = at("button data-track=Buy data-track-on=click", 40, style="height: 40px")
    page = stage.open(at("div data-track=Outer", 0, inner))
    page.mouse.move(50, 20)
    page.clock.run_for(400)
    page.mouse.move(50, 60)
    page.clock.run_for(700)
    page.mouse.move(*AWAY)
    stage.ends(page, 'element.hover "Outer" dwell_ms=1100')


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (199, ['element.hover "A" dwell_ms=700']),
        (200, ['element.hover "A" dwell_ms=350', 'element.hover "A" dwell_ms=350']),
    ],
)
def test_two_episodes_of_one_name_are_one_if_less_than_200_ms_are_between_them(stage, gap, expected):
    page = stage.open(at("div data-track=A", 0) + at("div data-track=A", 300))
    stay(page, (50, 50), 350)
    page.clock.run_for(gap)
    stay(page, (50, 350), 350)
    stage.ends(page, *expected)


def test_two_short_episodes_make_one_that_is_long_enough(stage):
    page = stage.open(at("div data-track=A", 0) + at("div data-track=B", 100))
    stay(page, (50, 50), 200)
    page.mouse.move(50, 150)
    page.clock.run_for(50)
    stay(page, (50, 50), 200)
    stage.ends(page, 'element.hover "A" dwell_ms=400')


def test_a_finished_hover_is_sent_without_another_event(stage):
    page = stage.open(BANNER)
    stay(page, (50, 50), 500)
    page.clock.run_for(1000)
    stage.tells('banner.hover "Sale" dwell_ms=500')
    [event] = [event for event in stage.events if event["action"] == "banner.hover"]
    assert event["ago"] <= 1000
    assert event["view"] == stage.confirmations[0]["id"]


def test_an_element_that_is_removed_under_the_pointer_was_hovered_until_then(stage):
    page = stage.open(f'<div id="box">{BANNER}</div>')
    page.mouse.move(50, 50)
    page.clock.run_for(600)
    page.evaluate("document.querySelector('#box').remove()")
    page.clock.run_for(5000)
    stage.ends(page, 'banner.hover "Sale" dwell_ms=600')


def test_an_element_that_is_removed_and_put_back_at_once_is_still_hovered(stage):
    page = stage.open(f'<div id="box">{BANNER}</div>')
    page.mouse.move(50, 50)
    page.clock.run_for(600)
    page.evaluate("document.body.append(document.querySelector('#box'))")
    page.clock.run_for(600)
    page.mouse.move(*AWAY)
    stage.ends(page, 'banner.hover "Sale" dwell_ms=1200')


HIDE = """hidden => {
    Object.defineProperty(Document.prototype, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
}"""


def test_a_hidden_tab_ends_the_hover_and_its_time_does_not_count(stage):
    page = stage.open(BANNER)
    page.mouse.move(50, 50)
    page.clock.run_for(600)
    page.evaluate(HIDE, True)
    stage.tells('banner.hover "Sale" dwell_ms=600')
    page.clock.run_for(30_000)
    page.evaluate(HIDE, False)
    page.clock.run_for(1000)
    page.mouse.move(51, 51)
    page.clock.run_for(400)
    page.mouse.move(*AWAY)
    stage.ends(page, 'banner.hover "Sale" dwell_ms=600', 'banner.hover "Sale" dwell_ms=400')


def test_navigating_away_ends_the_hover(stage):
    page = stage.open(BANNER)
    page.mouse.move(50, 50)
    page.clock.run_for(600)
    stage.ends(page, 'banner.hover "Sale" dwell_ms=600')


def test_a_click_during_the_hover_is_told_with_it(stage):
    page = stage.open(BANNER)
    page.mouse.move(50, 50)
    page.clock.run_for(400)
    page.mouse.click(5, 8)
    page.clock.run_for(200)
    page.mouse.move(*AWAY)
    stage.ends(page, 'banner.click "Sale" via=mouse', 'banner.hover "Sale" clicked=true dwell_ms=600')


def test_touch_does_not_hover(stage):
    page = stage.open(BANNER, options={"has_touch": True})
    page.touchscreen.tap(50, 50)
    page.clock.run_for(5000)
    stage.ends(page, 'banner.click "Sale" via=touch')


def test_a_pen_hovers_and_clicks(stage):
    page = stage.open(BANNER)
    pen = page.context.new_cdp_session(page)

    def point(kind: str, x: int, y: int, **more: object) -> None:
        pen.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "pointerType": "pen", **more})

    point("mouseMoved", *AWAY)
    point("mouseMoved", 50, 50)
    page.clock.run_for(400)
    for kind in ("mousePressed", "mouseReleased"):
        point(kind, 50, 50, button="left", clickCount=1)
    page.clock.run_for(200)
    point("mouseMoved", *AWAY)
    stage.ends(page, 'banner.click "Sale" via=pen', 'banner.hover "Sale" clicked=true dwell_ms=600')


def test_a_pointer_that_rests_where_the_page_appears_hovers_from_its_first_move(stage):
    page = stage.open(BANNER)
    page.mouse.move(50, 50)
    page.evaluate("window.dispatchEvent(new PointerEvent('pointerover'))")
    page.clock.run_for(500)
    page.mouse.move(50, 800)  # out of the window
    stage.ends(page, 'banner.hover "Sale" dwell_ms=500')


def test_hovers_in_open_shadow_roots_and_their_slots_count(stage):
    page = stage.open(
        at("div id=host data-track=Host", 0, "slotted")
        + """<script>
        document.querySelector("#host").attachShadow({mode: "open"}).innerHTML =
            '<div data-track="Deep" style="height: 40px">deep</div>' +
            '<a href="#" style="display: block; height: 40px"><slot></slot></a>';
        </script>"""
    )
    page.mouse.move(50, 20)
    page.clock.run_for(400)
    page.mouse.move(50, 60)
    page.clock.run_for(500)
    page.mouse.move(*AWAY)
    stage.ends(page, 'element.hover "Deep" dwell_ms=400', 'element.hover "Host" dwell_ms=500')


def test_a_hover_on_a_real_clock_is_as_long_as_it_was(stage):
    page = stage.open(BANNER, moving=True)
    page.mouse.move(*AWAY)
    page.evaluate(
        """() => { window.times = []; for (const type of ["pointerenter", "pointerleave"])
           document.querySelector("[data-track]").addEventListener(type, event => times.push(event.timeStamp)) }"""
    )
    page.mouse.move(50, 50)
    page.wait_for_function("performance.now() > times[0] + 450")
    page.mouse.move(*AWAY)
    came, went = page.evaluate("times")
    stage.leave(page)
    [hover] = [event for event in stage.events if event["action"] == "banner.hover"]
    assert abs(hover["params"]["dwell_ms"] - (went - came)) <= 3
