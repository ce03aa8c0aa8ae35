"""The tracker's second script: it comes with the first tagged form, and nothing is lost until it is there."""

import json

import pytest
from fronts import poll
from test_tracker_forms import SECRET, STAY, form, send, submitted

from proxy.scripts import FORMS_SCRIPT

FIELD = '<input data-track-field="f">'


def asked(stage) -> int:
    """How often the second script was asked for."""
    return sum(path.endswith(FORMS_SCRIPT) for _, path, _ in stage.collector.requests)


@pytest.fixture
def late(stage):
    """Where the second script does not come before it is told to."""
    stage.collector.forms_go.clear()
    yield stage
    stage.collector.forms_go.set()


def comes(stage, page) -> None:
    stage.collector.forms_go.set()
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


def test_a_submission_before_it_comes_is_told_when_the_page_stays(late):
    page = late.open(form('<input data-track-field="f" value="Ada">'))
    send(page)
    comes(late, page)
    late.tells(submitted({"f": "Ada"}))


def test_a_password_that_was_shown_before_it_came_stays_a_password(late):
    page = late.open(form('<input id="p" name="w" data-track-field="w" type="password">'))
    page.evaluate("document.querySelector('#p').type = 'text'")
    page.fill("#p", SECRET)
    comes(late, page)
    send(page)
    late.leave(page)
    assert late.lines()[-1] == submitted({}, {"w": "password"})
    assert SECRET not in json.dumps([message.body for message in late.collector.messages])


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
    page.route(f"**/{FORMS_SCRIPT}*", lambda route: route.abort())
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
