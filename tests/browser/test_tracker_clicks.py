"""Clicks: one event for one gesture of a person, whatever is clicked, with what, and whatever the page does then."""

import pytest
from fronts import poll

NEXT = '<a href="/end?a=1#b">Next <b>page</b></a>'
SVG = '<svg width="40" height="40"><rect width="40" height="40"/></svg>'
SHADOW = """<div id="host"></div><script>
document.querySelector("#host").attachShadow({mode: "%s"}).innerHTML = '<a id="deep" href="/end">Deep <i>link</i></a>';
</script>"""
STAY = "<script>addEventListener('click', event => event.preventDefault())</script>"
LINK = 'link.click "{}" href={} outbound=false via=mouse'

CLICKED = [
    # the body, what is clicked, what comes of it
    (NEXT, "a", LINK.format("Next page", "/end?a=1#b")),
    (NEXT, "b", LINK.format("Next page", "/end?a=1#b")),
    (f'<a href="/end" aria-label="Home">{SVG}</a>', "rect", LINK.format("Home", "/end")),
    (f'<a href="/end">{SVG}<span hidden>no</span></a>', "rect", LINK.format("a", "/end")),
    ('<a href="/end"><img alt="Vase" width="40" height="40"></a>', "img", LINK.format("Vase", "/end")),
    (
        '<a href="https://shop.example/x">Out</a>',
        "a",
        'link.click "Out" href=https://shop.example/x outbound=true via=mouse',
    ),
    ('<a href="#part">Part</a>', "a", LINK.format("Part", "/one#part")),
    ('<a href="mailto:a@shop.example">Mail</a>', "a", LINK.format("Mail", "mailto:a@shop.example")),
    ('<base href="/sub/"><a href="x">Based</a>', "a", LINK.format("Based", "/sub/x")),
    ("<a>No link</a>", "a", None),
    ("<p>Text</p>", "p", None),
    ("<button>Buy <i>now</i></button>", "i", 'button.click "Buy now" via=mouse'),
    ('<input type="submit" value="Go">', "input", 'button.click "Go" via=mouse'),
    ('<input type="button" value="Go">', "input", 'button.click "Go" via=mouse'),
    ('<span role="button">Fold</span>', "span", 'button.click "Fold" via=mouse'),
    ('<input value="secret">', "input", None),
    ('<p data-track="Sale">Text</p>', "p", 'element.click "Sale" via=mouse'),
    (f'<p data-track="{"x" * 120}">Text</p>', "p", f'element.click "{"x" * 100}" via=mouse'),
    ('<p data-track="Sale" data-track-as="banner">Text</p>', "p", 'banner.click "Sale" via=mouse'),
    ('<button data-track="Buy" data-track-p-sku="S1">x</button>', "button", 'button.click "Buy" sku=S1 via=mouse'),
    ('<img data-track="Vase" width="40" height="40">', "img", 'image.click "Vase" via=mouse'),
    (f'<div data-track="Sale">{NEXT}</div>', "a", 'element.click "Sale" href=/end?a=1#b outbound=false via=mouse'),
    (
        f'<div data-track="Sale"><i data-track="In">{NEXT}</i></div>',
        "b",
        'element.click "In" href=/end?a=1#b outbound=false via=mouse',
    ),
    ('<p data-track="Sale" data-track-on="hover">Text</p>', "p", None),
    ('<p data-track="Sale" data-track-on="hover click">Text</p>', "p", 'element.click "Sale" via=mouse'),
    (f"<div data-track-off>{NEXT}</div>", "a", None),
    (f'<div data-track-off><div data-track="Sale">{NEXT}</div></div>', "a", None),
    (f'<div data-track="Sale"><div data-track-off>{NEXT}</div></div>', "a", None),
    (SHADOW % "open", "#deep", LINK.format("Deep link", "/end")),
    (SHADOW % "open", "#deep i", LINK.format("Deep link", "/end")),
    (f'<div data-track-off>{SHADOW % "open"}</div>', "#deep", None),
    (
        f'<div data-track="Box">{SHADOW % "open"}</div>',
        "#deep",
        'element.click "Box" href=/end outbound=false via=mouse',
    ),
    (SHADOW % "closed", "#host", None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "clicked", "expected"), CLICKED)
def test_what_a_click_is_on(stage, body, clicked, expected):
    page = stage.open(body + STAY)
    page.click(clicked)
    stage.ends(page, *[expected] * (expected is not None))


def test_an_untagged_name_is_cut_and_a_nameless_button_is_told_by_what_it_is(stage):
    page = stage.open(f'<button id="long">{"x" * 120}</button><button id="bare">{SVG}</button>')
    page.click("#long")
    page.clock.run_for(100)
    page.click("#bare")
    stage.ends(page, f'button.click "{"x" * 100}" via=mouse', 'button.click "button" via=mouse')


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"click": "tagged"}, ['element.click "Sale" via=mouse']),
        ({"click": "off"}, []),
        ({"hover": "off"}, ['element.click "Sale" via=mouse', 'button.click "Plain" via=mouse']),
    ],
)
def test_clicks_are_limited_by_the_settings(stage, settings, expected):
    page = stage.open('<p data-track="Sale">x</p><button>Plain</button>', **settings)
    page.click("p")
    page.clock.run_for(100)
    page.click("button")
    stage.ends(page, *expected)


def test_a_disabled_button_is_not_clicked(stage):
    page = stage.open('<div data-track="Box"><button disabled>Buy <i>now</i></button></div>')
    for inside in ("button", "i"):
        box = page.locator(inside).bounding_box()
        page.mouse.click(box["x"] + 4, box["y"] + 4)
    stage.ends(page)


LABELS = [
    ('<label data-track="Terms">I agree <input type="checkbox"></label>', "Terms"),
    ('<label data-track="Terms">I agree <input type="checkbox" data-track="Box"></label>', "Terms"),
    ('<label>I agree <input type="checkbox" data-track="Box"></label>', "Box"),
    ('<div data-track="All"><label for="i">I agree</label><input id="i" type="checkbox"></div>', "All"),
    (
        '<div data-track="All"><label for="i">I agree</label></div>'
        '<p><input id="i" type="radio" data-track="Far"></p>',
        "All",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "name"), LABELS)
def test_a_click_on_a_label_and_its_input_are_one_gesture(stage, body, name):
    page = stage.open(body, moving=True)
    page.click("label", position={"x": 3, "y": 3})
    assert page.is_checked("input")
    stage.tells(f'element.click "{name}" via=mouse')
    stage.ends(page, f'element.click "{name}" via=mouse')


def test_two_clicks_in_a_row_are_two(stage):
    page = stage.open("<button>Buy</button>", moving=True)
    page.dblclick("button")
    stage.ends(page, *['button.click "Buy" via=mouse'] * 2)


@pytest.mark.parametrize(
    ("key", "body", "expected"),
    [
        ("Enter", NEXT, 'link.click "Next page" href=/end?a=1#b outbound=false via=keyboard'),
        ("Enter", "<button>Buy</button>", 'button.click "Buy" via=keyboard'),
        ("Space", "<button>Buy</button>", 'button.click "Buy" via=keyboard'),
        ("Space", '<input type="checkbox" data-track="Terms">', 'element.click "Terms" via=keyboard'),
    ],
)
def test_a_key_clicks_as_well(stage, key, body, expected):
    page = stage.open(body + STAY)
    page.keyboard.press("Tab")
    page.keyboard.press(key)
    stage.ends(page, expected)


def test_a_finger_clicks_as_well(stage):
    page = stage.open("<button>Buy</button>", options={"has_touch": True})
    page.tap("button")
    stage.ends(page, 'button.click "Buy" via=touch')


@pytest.mark.parametrize(
    ("how", "via"),
    [({"button": "middle"}, "middle"), ({"modifiers": ["Control"]}, "mouse"), ({"modifiers": ["Shift"]}, "mouse")],
)
def test_a_click_that_opens_a_tab_or_a_window_is_a_click(stage, how, via):
    page = stage.open('<a href="/end">Next</a>')
    with page.context.expect_page():
        page.click("a", **how)
    page.bring_to_front()
    stage.ends(page, f'link.click "Next" href=/end outbound=false via={via}')


def test_the_right_button_does_not_click(stage):
    page = stage.open("<button>Buy</button>")
    page.click("button", button="right")
    stage.ends(page)


STOPPERS = [
    "addEventListener('click', event => event.stopPropagation(), true)",
    "addEventListener('click', event => event.stopImmediatePropagation(), true)",
    "document.addEventListener('click', event => event.stopImmediatePropagation(), true)",
    "document.querySelector('a').onclick = event => { event.stopPropagation(); return false }",
    "document.querySelector('a').onclick = event => { event.target.remove(); event.preventDefault() }",
    "addEventListener('pointerdown', event => event.stopImmediatePropagation(), true)",
    "addEventListener('mousedown', event => event.preventDefault(), true)",
]


@pytest.mark.parametrize("stopper", STOPPERS)
def test_a_page_that_stops_its_events_does_not_hide_the_click(stage, stopper):
    page = stage.open('<a href="/one#x">Next</a>')
    page.evaluate(f"() => {{ {stopper} }}")
    page.click("a")
    stage.ends(page, LINK.format("Next", "/one#x"))


@pytest.mark.parametrize(
    "synthetic",
    [
        "document.querySelector('button').click()",
        "document.querySelector('button').dispatchEvent(new MouseEvent('click', {bubbles: true, composed: true}))",
        "document.querySelector('button').dispatchEvent("
        "new PointerEvent('click', {bubbles: true, pointerType: 'mouse'}))",
    ],
)
def test_a_click_of_a_script_is_nobodys(stage, synthetic):
    page = stage.open("<button>Buy</button>")
    page.evaluate(synthetic)
    stage.ends(page)


def test_a_link_that_leaves_at_once_is_told_before_the_page_is_left(stage):
    page = stage.open('<a href="/end">Next</a>')
    asked: list[str] = []  # in the browser's own order: on their way to the server they may overtake each other
    page.on("request", lambda request: asked.append(request.post_data or request.url))
    page.click("a")
    page.wait_for_url("**/end")
    stage.tells(LINK.format("Next", "/end"))
    both = ["link.click", "page.leave"]
    assert poll(lambda: sorted(str(event["action"]) for event in stage.events), both) == both
    assert "link.click" in asked[0] and asked.index(stage.collector.url + "/end") > 0
    assert stage.complaints == []


def test_a_click_is_sent_at_once(stage):
    page = stage.open("<button>Buy</button>")
    page.click("button")
    stage.tells('button.click "Buy" via=mouse')
    [clicked] = [event for event in stage.events if event["action"] == "button.click"]
    assert clicked["ago"] == 0
    assert clicked["view"] == stage.confirmations[0]["id"]


def test_an_element_added_later_is_watched_as_well(stage):
    page = stage.open()
    page.evaluate("document.body.innerHTML = '<button data-track=\"Late\">x</button>'")
    page.click("button")
    stage.ends(page, 'button.click "Late" via=mouse')


def test_a_tagged_form_whose_fields_hide_its_methods_is_clicked_as_any_element(stage):
    fields = "".join(f'<input name="{name}">' for name in ("matches", "closest", "getAttribute", "getAttributeNames"))
    page = stage.open(f'<form data-track="Form" data-track-p-a="b"><p style="margin: 0">text</p>{fields}</form>')
    page.mouse.click(20, 15)
    stage.ends(page, 'element.click "Form" a=b via=mouse')
