"""What a page says of itself, message by message: what of it is told, when, and of which showing."""

import pytest
from collecting import ASLEEP
from fronts import poll
from test_tracker_forms import form, send, submitted

HEAD = """<meta property="og:type" content="product"><meta property="product:price:amount" content="19.00">
<meta property="og:image" content="/a.png"><meta property="og:image" content="/b.png">
<meta name="description" content="no"><meta property="fb:app_id" content="1"><meta property="og:" content="1">
<meta property="og:empty" content=""><meta property="og:none"><p property="og:p" content="x"></p>"""
SAID = {"og:type": "product", "product:price:amount": "19.00", "og:image": "/a.png", "og:empty": "", "og:none": ""}
PARTS = [{}, {"spa": True}, {"forms": False}, {"forms": False, "spa": True}]


def described(stage) -> list[dict]:
    return [message.body["meta"] for message in stage.messages if "meta" in message.body]


def tells(stage, page, number: int = 1) -> list[dict]:
    """By now, or soon, so many descriptions."""
    assert poll(lambda: stage.push(page) or len(described(stage)), number) == number
    return described(stage)


@pytest.mark.parametrize("settings", PARTS, ids=str)
def test_a_page_says_once_what_it_is_whatever_else_is_watched(stage, settings):
    page = stage.open('<button>Buy</button><form data-track-form="f"></form>', head=HEAD, meta=True, **settings)
    [said] = tells(stage, page)
    assert said == {"view": stage.confirmations[0]["id"], "params": SAID}
    page.click("button")
    page.clock.run_for(2000)
    stage.leave(page)
    assert len(described(stage)) == 1 and stage.complaints == []
    assert stage.lines() == ['button.click "Buy" via=mouse']


def test_its_forms_are_told_as_ever(stage):
    page = stage.open(form('<input data-track-field="f" value="a">'), head=HEAD, meta=True)
    tells(stage, page)
    send(page)
    stage.leave(page)
    assert stage.lines() == [submitted({"f": "a"})]


QUIET = [
    ({}, HEAD),
    ({"meta": True}, '<meta name="og:type" content="product"><meta property="fb:x" content="y">'),
    ({"meta": True}, f'<meta property="og:description" content="{"x" * 8_200}">'),
]


@pytest.mark.parametrize(("settings", "head"), QUIET)
def test_where_it_is_off_or_nothing_can_be_told_nothing_is(stage, settings, head):
    page = stage.open("<button>Buy</button>", head=head, **settings)
    page.clock.run_for(2000)
    stage.ends(page)
    assert described(stage) == []


def test_a_page_that_comes_back_says_it_of_its_new_showing(stage):
    page = stage.open(head=HEAD, meta=True)
    tells(stage, page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    page.evaluate("""() => {
        const event = new PageTransitionEvent('pageshow', {persisted: true});
        document.dispatchEvent(event);
    }""")
    first, second = tells(stage, page, 2)
    assert first["params"] == second["params"] == SAID
    assert [one["view"] for one in (first, second)] == [one["id"] for one in stage.confirmations]
    assert stage.confirmations[1]["nav"] == "bfcache"


def test_a_page_that_sleeps_says_nothing_before_its_visitor_agrees(stage):
    url = stage.collector.page("/one", head=HEAD, meta=True, flags=ASLEEP)
    page = stage.person().new_page()
    page.goto(url)
    page.clock.run_for(2000)
    assert stage.messages == []
    page.evaluate("footfall.on()")
    assert tells(stage, page)[0]["view"] == stage.confirmations[0]["id"]


def test_who_says_no_while_the_part_is_on_its_way_is_told_nothing_of(stage):
    stage.collector.part_go.clear()
    page = stage.open(head=HEAD, meta=True)
    page.evaluate("footfall.off()")
    stage.collector.part_go.set()
    stage.listens(page)
    page.clock.run_for(2000)
    assert described(stage) == []
