"""Forms: what of them is told, and above all what never leaves the browser.

Every form here is submitted by a person. What a test types is searched for in all that came: a refused value is in no
message, under no name.
"""

import json
from pathlib import Path

import pytest
from fronts import poll

SHARED = json.loads((Path(__file__).parents[1] / "data" / "sensitive_cases.json").read_text("utf-8"))
SECRET = "Tr0ub4dor-and-3"
STAY = "<script>addEventListener('submit', event => event.preventDefault())</script>"


def form(fields: str, name: str = "news", more: str = "") -> str:
    return f'<form data-track-form="{name}" {more}>{fields}<button data-track-off>Send</button></form>{STAY}'


def submitted(fields: dict, skipped: dict | None = None, name: str = "news", asks: str = "/one") -> str:
    words = f" skipped={json.dumps(skipped)}" if skipped else ""
    return f'form.submit "{name}" asks={asks} fields={json.dumps(fields)}{words}'


def send(page) -> None:
    page.evaluate("document.querySelector('form').requestSubmit()")


def told(stage, page) -> list[str]:
    """What was told of submitting, when the visitor has left."""
    stage.leave(page)
    assert stage.complaints == []
    return [line for line in stage.lines() if line.startswith("form.submit")]


FIELDS = [
    ('<input data-track-field="f" value="Ada">', {"f": "Ada"}),
    ('<input data-track-field="f" type="email" value="a@b.example">', {"f": "a@b.example"}),
    ('<input data-track-field="f" type="tel" value="+48 600 700 800">', {"f": "+48 600 700 800"}),
    ('<input data-track-field="f" type="url" value="https://a.example/">', {"f": "https://a.example/"}),
    ('<input data-track-field="f" type="search" value="mugs">', {"f": "mugs"}),
    ('<input data-track-field="f" type="number" value="3">', {"f": "3"}),
    ('<input data-track-field="f" type="range" value="70">', {"f": "70"}),
    ('<input data-track-field="f" type="date" value="2026-11-26">', {"f": "2026-11-26"}),
    ('<input data-track-field="f" type="time" value="20:15">', {"f": "20:15"}),
    ('<input data-track-field="f" type="datetime-local" value="2026-11-26T20:15">', {"f": "2026-11-26T20:15"}),
    ('<input data-track-field="f" type="month" value="2026-11">', {"f": "2026-11"}),
    ('<input data-track-field="f" type="week" value="2026-W48">', {"f": "2026-W48"}),
    ('<input data-track-field="f" type="color" value="#ff0000">', {"f": "#ff0000"}),
    ('<input data-track-field="f" value="">', {}),
    ('<input value="untagged" name="email">', {}),
    ('<textarea data-track-field="f">two\nlines</textarea>', {"f": "two\nlines"}),
    ('<select data-track-field="f"><option>a<option value="B" selected>b</select>', {"f": "B"}),
    ('<select data-track-field="f"><option value="">choose</select>', {}),
    ('<select data-track-field="f" multiple><option selected>a<option>b<option selected>c</select>', {"f": ["a", "c"]}),
    ('<select data-track-field="f" multiple><option selected>a<option>b</select>', {"f": ["a"]}),
    ('<select data-track-field="f" multiple><option>a<option>b</select>', {}),
    ('<input data-track-field="f" type="checkbox">', {}),
    ('<input data-track-field="f" type="checkbox" checked>', {"f": "on"}),
    ('<input data-track-field="f" type="checkbox" checked value="yes">', {"f": "yes"}),
    (
        '<input data-track-field="f" type="checkbox" checked value="a">'
        '<input data-track-field="f" type="checkbox" checked value="b">',
        {"f": ["a", "b"]},
    ),
    (
        '<input data-track-field="f" type="radio" name="r" value="a">'
        '<input data-track-field="f" type="radio" name="r" value="b" checked>',
        {"f": "b"},
    ),
    ('<input data-track-field="f" type="radio" name="r" value="a">', {}),
    ("".join(f'<input data-track-field="f" value="{value}">' for value in "abc"), {"f": ["a", "b", "c"]}),
    ('<input data-track-field="f" value="Ada" disabled>', {}),
    ('<fieldset disabled><input data-track-field="f" value="Ada"></fieldset>', {}),
    ('<input data-track-field="f" value="Ada" data-track-value="given">', {"f": "given"}),
    ('<input data-track-field="f" value="" data-track-value="given">', {}),
    ('<input data-track-field="f" type="checkbox" checked data-track-value="enabled">', {"f": "enabled"}),
    ('<input data-track-field="f" type="checkbox" data-track-value="enabled">', {}),
    ('<input data-track-field="f" value="Ada" data-track-send="filled">', {"f": True}),
    ('<input data-track-field="f" value="" data-track-send="filled">', {"f": False}),
    ('<input data-track-field="f" type="checkbox" data-track-send="filled">', {"f": False}),
    ('<input data-track-field="f" type="hidden" value="live" data-track-value="constant">', {"f": "constant"}),
    ('<input data-track-field="f" type="hidden" value="" data-track-value="constant">', {"f": "constant"}),
    ('<input data-track-field="f" type="file" data-track-send="filled">', {"f": False}),
    ('<input data-track-field="passenger" name="passenger" value="Ada">', {"passenger": "Ada"}),
    ('<input data-track-field="experience" id="experience" value="5 years">', {"experience": "5 years"}),
    ('<label>Zip code <input data-track-field="zip" autocomplete="postal-code" value="9"></label>', {"zip": "9"}),
    ('<input data-track-field="constructor" value="Ada">', {"constructor": "Ada"}),
    ('<p data-track-field="f">text</p>', {}),
    (
        '<div data-track-off><input data-track-field="f" value="Ada"></div><input data-track-field="g" value="Bo">',
        {"g": "Bo"},
    ),
    ('<input data-track-field="f" value="Ada" data-track-off>', {}),
]  # fmt: skip


def many_forms(rows) -> str:
    """One tracked form for each row's fields, named f0, f1, ..."""
    return STAY + "".join(f'<form data-track-form="f{i}">{fields}</form>' for i, (fields, _) in enumerate(rows))


def send_all(stage, page) -> dict[str, dict]:
    """Submit every form; what was told of each, by its name, but where it is sent."""
    page.evaluate("for (const form of document.forms) form.requestSubmit()")
    stage.leave(page)
    assert stage.complaints == []
    told = [event["params"] for event in stage.events if event["action"] == "form.submit"]
    assert {params.pop("asks") for params in told} == {f"{stage.collector.url}/one"}
    return {params.pop("form"): params for params in told}


def test_what_is_read_of_tagged_fields(stage):
    page = stage.open(many_forms(FIELDS))
    told = send_all(stage, page)
    assert len(told) == len(FIELDS)
    for i, (fields, expected) in enumerate(FIELDS):
        assert (fields, told[f"f{i}"]) == (fields, {"fields": expected})


REFUSED = [
    (f'<input data-track-field="f" type="password" value="{SECRET}">', "password"),
    (f'<input data-track-field="f" type="password" value="{SECRET}" data-track-value="set">', "password"),
    (f'<input data-track-field="f" type="password" value="{SECRET}" data-track-send="filled">', "password"),
    (f'<input data-track-field="f" type="hidden" value="{SECRET}">', "hidden"),
    (f'<input data-track-field="f" type="hidden" value="{SECRET}" data-track-send="filled">', "hidden"),
    ('<input data-track-field="f" type="file">', "file"),
    *(
        (f'<input data-track-field="f" autocomplete="{kind}" value="{SECRET}">', "autocomplete")
        for kind in (
            *("cc-name", "cc-given-name", "cc-additional-name", "cc-family-name", "cc-number", "cc-exp"),
            *("cc-exp-month", "cc-exp-year", "cc-csc", "cc-type", "section-a billing cc-exp", "CC-Number"),
            *("current-password", "new-password", "one-time-code"),
        )
    ),
    (f'<input data-track-field="f" name="cardNumber" value="{SECRET}">', "word"),
    (f'<input data-track-field="f" id="user_ssn" value="{SECRET}">', "word"),
    (f'<input data-track-field="f" aria-label="Your PIN" value="{SECRET}">', "word"),
    (f'<input data-track-field="f" placeholder="Card number" value="{SECRET}">', "word"),
    (f'<label>Access token <input data-track-field="f" value="{SECRET}"></label>', "word"),
    (f'<label for="i">IBAN</label><input id="i" data-track-field="f" value="{SECRET}">', "word"),
    ('<textarea data-track-field="f">please use 4111 1111 1111 1111, thanks</textarea>', "card"),
    ('<textarea data-track-field="f">4111 1111 1111 1111 12/27 123</textarea>', "card"),
    ('<textarea data-track-field="f">to DE89 3704 0044 0532 0130 00 please</textarea>', "iban"),
    ('<select data-track-field="f" multiple><option selected>a<option selected>078-05-1120</select>', "ssn"),
    ('<input data-track-field="f" type="checkbox" checked value="4111111111111111">', "card"),
    (f'<textarea data-track-field="f">{"x" * 1025}</textarea>', "other"),
]  # fmt: skip


def test_what_is_never_captured_is_listed_with_the_reason_and_nothing_more(stage):
    page = stage.open(
        many_forms([(f'{fields}<input data-track-field="g" value="Ada">', None) for fields, _ in REFUSED])
    )
    told = send_all(stage, page)
    assert len(told) == len(REFUSED)
    for i, (fields, reason) in enumerate(REFUSED):
        assert (fields, told[f"f{i}"]) == (fields, {"fields": {"g": "Ada"}, "skipped": {"f": reason}})
    sent = "".join(message.raw for message in stage.collector.messages)
    for secret in (SECRET, "4111 1111", "41111111", "DE89 3704", "078-05", "x" * 64):  # an id may have four of them
        assert secret not in sent


def test_the_shared_cases_of_values_are_judged_as_the_server_judges_them(stage):
    """All of them in one form: each field is told, or skipped with its reason."""
    page = stage.open(form(""))
    page.evaluate(
        """values => values.forEach((value, i) => {
            const field = document.createElement("textarea");
            field.setAttribute("data-track-field", "f" + i);
            field.value = value;
            document.forms[0].append(field);
        })""",
        [text for text, _ in SHARED["values"]],
    )
    send(page)
    stage.leave(page)
    [event] = [event for event in stage.events if event["action"] == "form.submit"]
    expected = {f"f{i}": reason for i, (_, reason) in enumerate(SHARED["values"]) if reason is not None}
    assert event["params"]["skipped"] == expected
    assert event["params"]["fields"] == {
        f"f{i}": text for i, (text, reason) in enumerate(SHARED["values"]) if reason is None and text
    }


def test_the_shared_cases_of_names_are_judged_as_the_server_judges_them(stage):
    page = stage.open(form(""))
    page.evaluate(
        """names => names.forEach((name, i) => {
            const field = document.createElement("input");
            field.setAttribute("data-track-field", "f" + i);
            field.name = name;
            field.value = "x";
            document.forms[0].append(field);
        })""",
        [name for name, _ in SHARED["names"]],
    )
    send(page)
    stage.leave(page)
    [event] = [event for event in stage.events if event["action"] == "form.submit"]
    refused = {SHARED["names"][int(key[1:])][0] for key in event["params"]["skipped"]}
    assert refused == {name for name, sensitive in SHARED["names"] if sensitive}


def test_of_a_file_neither_name_nor_content_is_told(stage, tmp_path):
    chosen = tmp_path / f"{SECRET}.txt"
    chosen.write_text(SECRET)
    fields = "".join(f'<input type="file" id="{name}" data-track-field="{name}" {more}>' for name, more in (
        ("a", 'data-track-on="change"'), ("b", 'data-track-send="filled"'), ("c", 'data-track-value="some"')
    ))  # fmt: skip
    page = stage.open(form(fields))
    for name in "abc":
        page.set_input_files(f"#{name}", chosen)
    send(page)
    assert told(stage, page) == [submitted({"b": True, "c": "some"}, {"a": "file"})]
    assert SECRET not in "".join(message.raw for message in stage.collector.messages)


TOGGLES = {
    "while it has the focus": "document.querySelector('#p').type = 'text'",
    "by its attribute": "document.querySelector('#p').setAttribute('type', 'text')",
    "and the form is sent in the same breath": (
        "document.querySelector('#p').type = 'text'; document.forms[0].requestSubmit()"
    ),
    "back and forth": "for (const type of ['text', 'password', 'text']) document.querySelector('#p').type = type",
}


@pytest.mark.parametrize("first_typed", [True, False], ids=["typed as a password", "typed as text"])
@pytest.mark.parametrize("toggle", TOGGLES)
def test_a_password_that_is_shown_stays_a_password(stage, toggle, first_typed):
    page = stage.open(form('<input id="p" name="w" data-track-field="w" type="password"><i>show</i>'))
    page.evaluate(f"document.querySelector('i').onclick = () => {{ {TOGGLES[toggle]} }}")
    if first_typed:
        page.fill("#p", SECRET)
    page.click("i")
    if not first_typed:
        page.fill("#p", SECRET)
    send(page)
    lines = told(stage, page)
    assert set(lines) == {submitted({}, {"w": "password"})}
    assert SECRET not in "".join(message.raw for message in stage.collector.messages)


ONE = '<input data-track-field="f" value="a">'
FORMS = [
    ("form", form(ONE)),
    ("a box around a form", f'<div data-track-form="news"><form>{ONE}</form></div>{STAY}'),
    ("a box in a form", f'<form><div data-track-form="news">{ONE}</div></form>{STAY}'),
    ("fields elsewhere", form("", more='id="it"') + '<input form="it" data-track-field="f" value="a">'),
    (
        "fields of another form",
        form(f'{ONE}<input form="other" data-track-field="g" value="b">')
        + '<form id="other" data-track-form="other"></form>',
    ),
    ("an outer word that is not its own", f'<div data-track-form="outer">{form(ONE)}</div>'),
    (
        "a shadow root",
        '<div id="host"></div><script>document.querySelector("#host").attachShadow({mode: "open"}).innerHTML ='
        f' `<form onsubmit="return false" data-track-form="news">{ONE}</form>`</script>',
    ),
]


@pytest.mark.parametrize("body", [body for _, body in FORMS], ids=[name for name, _ in FORMS])
def test_which_fields_are_a_forms(stage, body):
    page = stage.open(body)
    if "host" in body:
        page.focus("#host input")
        page.evaluate("document.querySelector('#host').shadowRoot.querySelector('form').requestSubmit()")
    else:
        send(page)
    assert told(stage, page) == [submitted({"f": "a"})]


def test_two_boxes_in_one_form_are_two(stage):
    boxes = "".join(
        f'<div data-track-form="{name}"><input data-track-field="f" value="{name}"></div>' for name in ("bill", "ship")
    )
    page = stage.open(f"<form>{boxes}</form>{STAY}")
    send(page)
    assert told(stage, page) == [submitted({"f": "bill"}, name="bill"), submitted({"f": "ship"}, name="ship")]


UNTRACKED = [
    '<form><input name="email" value="a"></form>',
    f"<div data-track-off>{form('<input data-track-field=f value=a>')}</div>",
    form('<input data-track-field="f" value="a">', more="data-track-off"),
    form('<input data-track-field="f" value="a">', more='data-track-on="change"'),
]


@pytest.mark.parametrize("body", UNTRACKED)
def test_what_is_not_tagged_or_off_is_not_told(stage, body):
    page = stage.open(body + STAY)
    send(page)
    assert told(stage, page) == []


def test_forms_can_be_switched_off(stage):
    page = stage.open(form('<input data-track-field="f">'), forms=False)
    page.fill("input", "Ada")
    page.press("input", "Enter")
    stage.ends(page)


CLOBBERING = (
    *("name", "id", "action", "elements", "submit", "getAttribute", "getAttributeNames", "matches", "closest"),
    *("querySelectorAll", "parentNode", "attributes", "form", "nodeType", "isConnected", "host", "length"),
)


def test_fields_that_hide_their_forms_own_names_break_nothing(stage):
    fields = "".join(f'<input name="{name}" data-track-field="f_{name}" value="{name}">' for name in CLOBBERING)
    page = stage.open(form(fields, more='data-track-p-a="b"'))
    page.evaluate("HTMLFormElement.prototype.requestSubmit.call(document.querySelector('form'))")
    stage.leave(page)
    assert stage.complaints == []
    [event] = [event for event in stage.events if event["action"] == "form.submit"]
    fields, url = {f"f_{name}": name for name in CLOBBERING}, f"{stage.collector.url}/one"
    assert event["params"] == {"a": "b", "form": "news", "fields": fields, "asks": url}


ADDRESSES = [
    ("", "", {"asks": "/one"}),
    ('action="/a"', "", {"asks": "/a"}),
    ('action="/a?b=c" method="get"', "", {"asks": "/a?b=c"}),
    ('action="/a" method="put"', "", {"asks": "/a"}),
    ('method="post"', "", {"to": "/one"}),
    ('method="POST" action=""', "", {"to": "/one"}),
    ('action="/subscribe?a=b" method="post"', "", {"to": "/subscribe?a=b"}),
    ('action="sub/scribe" method="post"', "", {"to": "/sub/scribe"}),
    ('action="/a" method="post"', 'formaction="/b"', {"to": "/b"}),
    ('action="/a" method="post"', 'formaction=""', {"to": "/a"}),
    ('action="/a" method="post"', 'formmethod="get" formaction="/b"', {"asks": "/b"}),
    ('action="/a"', 'formmethod="post"', {"to": "/a"}),
    ('action="/a" method="post"', 'name="action" value="/c"', {"to": "/a"}),
    ('action="/a" method="post"', 'name="method" value="get"', {"to": "/a"}),
    ('action="http://[" method="post"', "", {"to": "http://[/"}),
    ('action="/a" method="Dialog"', "", {}),
    ('action="/a" method="post"', 'formmethod="dialog"', {}),
]


@pytest.mark.parametrize(("attributes", "button", "sent"), ADDRESSES)
def test_where_a_form_is_sent_is_told_with_it(stage, attributes, button, sent):
    fields = f'<input data-track-field="f" value="x"><button {button} data-track-off>Send</button></form>{STAY}'
    page = stage.open(f'<form data-track-form="news" {attributes}>{fields}')
    page.click("button")
    stage.leave(page)
    [event] = [event for event in stage.events if event["action"] == "form.submit"]
    told = {key: value for key, value in event["params"].items() if key in ("to", "asks")}
    assert {key: value.replace(stage.collector.url, "") for key, value in told.items()} == sent
    assert event["params"]["fields"] == {"f": "x"}


def test_a_form_that_is_added_later_is_told_as_well(stage):
    page = stage.open(STAY)
    page.evaluate("""() => document.body.insertAdjacentHTML("beforeend",
        "<form data-track-form=late><input data-track-field=f></form>")""")
    page.locator("input").press_sequentially("a")
    stage.listens(page)
    send(page)
    assert told(stage, page) == [submitted({"f": "a"}, name="late")]


def test_a_submission_that_the_page_cancels_is_the_visitors_all_the_same(stage):
    body = '<form data-track-form="news"><input data-track-field="f" value="a"><button>Send</button></form>'
    page = stage.open(body)
    page.evaluate(
        "addEventListener('submit', event => { event.stopImmediatePropagation(); event.preventDefault() }, true)"
    )
    page.click("button")
    assert told(stage, page) == [submitted({"f": "a"})]


def test_a_submission_that_the_browser_does_not_allow_is_none(stage):
    page = stage.open('<form data-track-form="news"><input data-track-field="f" required><button>Send</button></form>')
    page.click("button")
    assert told(stage, page) == []


@pytest.mark.parametrize(
    ("gap", "other", "times"), [(0, "", 1), (999, "", 1), (1001, "", 2), (0, "changed", 2)], ids=str
)
def test_the_same_submission_twice_within_a_second_is_one(stage, gap, other, times):
    page = stage.open(form('<input data-track-field="f" value="a">'))
    send(page)
    page.clock.run_for(gap)
    if other:
        page.evaluate("text => { document.querySelector('input').value = text }", other)
    send(page)
    assert told(stage, page) == [submitted({"f": "a"}), submitted({"f": other or "a"})][:times]


def test_a_submission_that_leaves_the_page_is_told(stage):
    page = stage.open('<form data-track-form="news" action="/end"><input data-track-field="f"></form>')
    page.fill("input", "Ada")
    page.press("input", "Enter")
    page.wait_for_url("**/end?*")
    stage.tells(
        'form.start "news" field=f',
        'field.change "news" dwell_ms=0 field=f filled=true refocus=0',
        submitted({"f": "Ada"}, asks="/end"),
    )


def test_a_submission_of_a_script_that_skips_the_event_or_makes_one_up_is_not_told(stage):
    page = stage.open(form('<input data-track-field="f" value="a">', more='action="javascript:0"'))
    page.evaluate(
        "document.querySelector('form').dispatchEvent(new Event('submit', {bubbles: true, cancelable: true}))"
    )
    assert told(stage, page) == []


def test_starting_and_filling_in_are_told_with_how_long_it_took(stage):
    page = stage.open(
        form('<input id="a" data-track-field="a"><input id="b" data-track-field="b" data-track-on="change">'
             '<input id="c" data-track-field="c" data-track-on="submit">'
             '<input id="d" type="checkbox" data-track-field="d">')
    )  # fmt: skip
    page.focus("#a")
    page.clock.run_for(300)
    page.keyboard.type("A")
    page.clock.run_for(700)
    page.focus("#b")
    page.clock.run_for(500)
    page.keyboard.type("B")
    page.focus("#c")
    page.keyboard.type("C")
    page.focus("#a")
    page.clock.run_for(200)
    page.keyboard.press("Delete")
    page.keyboard.press("Backspace")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.focus("#d")
    page.clock.run_for(50)
    page.keyboard.press("Space")
    stage.ends(
        page,
        'form.start "news" field=a',
        'field.change "news" dwell_ms=1000 field=a filled=true refocus=0',
        'field.change "news" dwell_ms=500 field=b filled=true refocus=0 value=B',
        'field.change "news" dwell_ms=200 field=a filled=false refocus=1',
        'field.change "news" dwell_ms=50 field=d filled=true refocus=0',
    )


def test_of_a_field_that_is_never_captured_not_even_a_change_is_told(stage):
    fields = (
        '<input name="pin" data-track-field="f" data-track-on="change">'
        '<input data-track-field="g" data-track-on="change">'
    )
    page = stage.open(form(fields))
    page.fill("[name=pin]", SECRET)
    page.fill("[data-track-field=g]", "4111 1111 1111 1111")
    page.focus("[name=pin]")
    stage.ends(
        page,
        'form.start "news" field=f',
        'field.change "news" dwell_ms=0 field=g filled=true refocus=0',
    )


@pytest.mark.parametrize(("word", "expected"), [("submit", []), ("change", ["form.start", "field.change"])])
def test_a_form_may_limit_what_is_told_of_it(stage, word, expected):
    page = stage.open(form('<input data-track-field="f">', more=f'data-track-on="{word}"'))
    page.fill("input", "Ada")
    page.evaluate("document.activeElement.blur()")
    stage.leave(page)
    assert [line.split()[0] for line in stage.lines()] == expected


def test_a_tagged_field_outside_any_tracked_form_is_ignored_with_one_warning(stage):
    page = stage.open('<input id="a" data-track-field="a"><input id="b" data-track-field="b">')
    page.fill("#a", "Ada")
    page.fill("#b", "Bo")
    page.focus("#a")
    poll(lambda: (page.evaluate("0"), len(stage.complaints))[1], 1)  # the browser tells of it in its own time
    stage.leave(page)
    assert stage.lines() == []
    assert stage.complaints == ["warning: footfall: data-track-field outside data-track-form: a"]
