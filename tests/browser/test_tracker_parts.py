"""The tracker's second script: it comes with the first tagged form, and nothing is lost until it is there."""

import json
import threading

import pytest
from collecting import ASLEEP
from fronts import poll
from test_tracker_forms import SECRET, STAY, form, send, submitted

FORMS = "**/_footfall/forms.*.js"
FIELD = '<input data-track-field="f">'


def asked(stage) -> int:
    """How often the second script was asked for."""
    return sum("/forms." in path for _, path, _ in stage.collector.requests)


@pytest.fixture
def late(stage):
    """Where the second script does not come before it is told to."""
    stage.collector.part_go.clear()
    yield stage
    stage.collector.part_go.set()


def comes(stage, page) -> None:
    stage.collector.part_go.set()
    stage.listens(page)


def test_a_page_without_a_tagged_form_loads_one_script(stage):
    page = stage.open('<form><input id="f"><button>Send</button></form>' + STAY)
    page.fill("#f", "Ada")
    send(page)
    stage.leave(page)
    assert asked(stage) == 0


def test_a_tagged_form_brings_the_second_before_anybody_touches_it(stage):
    stage.open(form(FIELD))
    assert asked(stage) == 1


def test_where_forms_are_off_it_is_never_asked_for(stage):
    page = stage.open(form(FIELD), forms=False)
    page.fill("input", "Ada")
    send(page)
    stage.leave(page)
    assert asked(stage) == 0


SHADOW = """html => {
    const root = document.body.appendChild(document.createElement("div")).attachShadow({mode: "open"});
    root.innerHTML = html;
}"""


@pytest.mark.parametrize("adding", ["html => { document.body.innerHTML = html }", SHADOW], ids=["page", "shadow root"])
def test_a_form_that_is_added_later_brings_it_with_its_first_use(stage, adding):
    page = stage.open()
    page.evaluate(adding, '<form data-track-form="news"><input data-track-field="f"></form>')
    assert asked(stage) == 0
    page.locator("input").press_sequentially("Ada")
    assert poll(lambda: asked(stage), 1) == 1
    stage.listens(page)
    page.clock.run_for(1000)
    stage.tells('form.start "news" field=f')


def test_what_a_visitor_does_before_it_comes_is_told_when_it_is_there(late):
    page = late.open(form(f'{FIELD}<input data-track-field="g">'))
    page.focus("input")
    page.clock.run_for(500)
    page.locator("input").first.press_sequentially("Ada")
    page.clock.run_for(1500)
    page.locator("input").last.focus()
    page.clock.run_for(1000)
    assert late.lines() == []
    comes(late, page)
    page.clock.run_for(1000)
    late.tells('form.start "news" field=f', 'field.change "news" dwell_ms=2000 field=f filled=true refocus=0')
    send(page)
    late.leave(page)
    assert late.lines()[2:] == [submitted({"f": "Ada"})]
    assert [event["ago"] for event in late.events[:2]] == [3200, 1700]
    assert late.complaints == []


def test_of_what_was_sent_before_it_came_nothing_is_told_that_may_be_wrong(late):
    """What the fields held then is not known any more: the page may have emptied them, the visitor typed on."""
    page = late.open(form('<input data-track-field="f"><input data-track-field="g" data-track-on="change">'))
    page.locator("input").first.press_sequentially("Ada")
    page.locator("input").last.press_sequentially("one")
    send(page)
    page.locator("input").last.press_sequentially(" two")
    comes(late, page)
    page.clock.run_for(1000)
    late.tells('form.start "news" field=f', 'field.change "news" dwell_ms=0 field=f filled=true refocus=0')
    send(page)
    late.leave(page)
    assert late.lines()[2:] == [submitted({"f": "Ada", "g": "one two"})]


def test_what_waits_for_it_is_forgotten_by_who_says_no(late):
    page = late.open(form(FIELD))
    page.locator("input").press_sequentially("before")
    page.evaluate("footfall.off()")
    page.locator("input").press_sequentially("while")
    page.evaluate("footfall.on()")
    comes(late, page)
    page.clock.run_for(1000)
    late.leave(page)
    assert late.lines() == []


SHOWING = "root => { root.querySelector('input').type = 'text' }"
REPLACING = """root => {
    const old = root.querySelector("input"), made = document.createElement("input");
    for (const name of ["id", "name", "data-track-field"]) made.setAttribute(name, old.getAttribute(name));
    made.value = old.value;
    old.replaceWith(made);
}"""
PASSWORD = '<input id="p" name="w" data-track-field="w" type="password">'


@pytest.mark.parametrize("where", ["page", "shadow root"])
@pytest.mark.parametrize("shown", [SHOWING, REPLACING], ids=["shown", "replaced"])
@pytest.mark.parametrize("early", [True, False], ids=["before it came", "after"])
def test_a_password_that_is_shown_stays_a_password(late, where, shown, early):
    if where == "page":
        page = late.open(form(PASSWORD))
        root = page.evaluate_handle("document")
    else:
        page = late.open(STAY)
        page.evaluate(SHADOW, form(PASSWORD, more='onsubmit="return false"').replace(STAY, ""))
        root = page.evaluate_handle("document.body.lastElementChild.shadowRoot")
    if not early:
        late.collector.part_go.set()
    page.locator("#p").press_sequentially(SECRET)
    if not early:
        comes(late, page)
    if shown is SHOWING or not early or where == "page":
        root.evaluate(shown)
    page.locator("#p").press_sequentially("more")
    comes(late, page)
    page.locator("#p").press_sequentially("!")
    root.evaluate("root => root.querySelector('form').requestSubmit()")
    late.leave(page)
    sent = json.dumps([message.body for message in late.collector.messages])
    assert SECRET not in sent and "more" not in sent


def test_a_password_that_was_shown_while_the_page_slept_stays_a_password(stage):
    url = stage.collector.page("/one", form(PASSWORD), flags=ASLEEP)
    page = stage.person().new_page()
    page.goto(url)
    page.fill("#p", SECRET)
    page.evaluate(SHOWING, page.evaluate_handle("document"))
    page.evaluate("footfall.on()")
    stage.listens(page)
    send(page)
    stage.leave(page)
    assert SECRET not in "".join(message.raw for message in stage.collector.messages)
    assert stage.lines()[-1] == submitted({}, {"w": "password"})


def test_the_value_of_a_field_is_nobodys_name(stage):
    """As libraries do that keep the attribute in step with what is typed."""
    page = stage.open(f'<form><input id="p" type="password" data-track value="{SECRET}"></form>', hover="auto")
    page.click("#p")
    page.clock.run_for(2000)
    stage.leave(page)
    assert stage.lines() == ['element.click "input" via=mouse', 'element.hover "input" clicked=true dwell_ms=2000']


def test_it_is_asked_for_when_the_page_has_been_read(stage):
    """A module asked for before would shut out an import map that comes later in the page."""
    go = stage.collector.holds["/slow.js"] = threading.Event()
    page = stage.person(moving=True).new_page()
    stage.collector.page("/one", form(FIELD) + '<script src="/slow.js"></script>')
    page.goto(stage.collector.url + "/one", wait_until="commit")
    assert poll(lambda: page.evaluate("typeof footfall"), "object") == "object"
    assert asked(stage) == 0
    go.set()
    assert poll(lambda: page.evaluate("0") or asked(stage), 1) == 1


def test_a_script_that_could_not_be_had_is_asked_for_again_and_not_for_ever(stage):
    page = stage.person().new_page()
    tried: list[str] = []
    page.route(
        FORMS, lambda route: tried.append(route.request.url) or (route.abort() if len(tried) < 3 else route.continue_())
    )
    stage.collector.page("/one", form(FIELD))
    page.goto(stage.collector.url + "/one")
    for letter in "Ada":
        page.locator("input").press_sequentially(letter)
        page.wait_for_timeout(50)
    page.clock.run_for(1000)
    stage.tells('form.start "news" field=f')
    assert len(tried) == 3


def test_a_script_that_is_not_there_is_asked_for_four_times(stage):
    page = stage.person().new_page()
    tried: list[str] = []
    page.route(FORMS, lambda route: tried.append(route.request.url) or route.abort())
    stage.collector.page("/one", form(FIELD))
    page.goto(stage.collector.url + "/one")
    for _ in range(12):
        page.locator("input").press_sequentially("x")
        page.wait_for_timeout(20)
    assert len(tried) == 4


def test_no_more_than_a_hundred_moments_wait_for_it(late):
    page = late.open(form("".join(f'<input type="checkbox" data-track-field="f{n}">' for n in range(60))))
    for box in page.locator("input").all():
        box.click()
    comes(late, page)
    late.leave(page)
    told = [event["params"]["field"] for event in late.events if event["action"] == "field.change"]
    assert told == [f"f{n}" for n in range(33)]  # each click is a focus, an input and a change


def test_a_page_is_none_the_worse_where_it_never_comes(stage):
    page = stage.person().new_page()
    page.route(FORMS, lambda route: route.abort())
    stage.collector.page("/one", form(FIELD) + '<p data-track="Sale">Sale</p>')
    page.goto(stage.collector.url + "/one")
    page.fill("input", "Ada")
    send(page)
    page.click("p")
    stage.ends(page, 'element.click "Sale" via=mouse')


POLICIES = ["script-src 'self'", "require-trusted-types-for 'script'; trusted-types none"]


@pytest.mark.parametrize("policy", POLICIES)
def test_it_comes_under_a_policy_that_the_first_has_run_under(stage, policy):
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    page = stage.open('<form data-track-form="news"><input data-track-field="f" value="Ada"></form>', early=meta)
    page.locator("input").press("Enter")
    page.wait_for_url("**/one?")
    stage.tells(submitted({"f": "Ada"}))
    assert stage.complaints == []
