"""What `footfall audit` says of a page is what the tracker does there: the same fields refused, the same actions."""

from proxy.audit.findings import Code
from proxy.audit.reading import read_page
from proxy.events.shipped import SHIPPED

STAY = "<script>addEventListener('submit', event => event.preventDefault())</script>"

FIELDS = (
    '<input data-track-field="f0" value="a">',
    '<input data-track-field="f1" value="a" type="password">',
    '<input data-track-field="f2" value="a" type="PassWord">',
    '<input data-track-field="f3" value="a" type=" password ">',
    '<input data-track-field="f4" value="a" type="hidden">',
    '<input data-track-field="f5" value="a" type="hidden" data-track-value="spring">',
    '<input data-track-field="f6" value="a" autocomplete="section-b billing cc-number">',
    '<input data-track-field="f7" value="a" autocomplete="New-Password">',
    '<input data-track-field="f8" value="a" autocomplete="email">',
    '<input data-track-field="f9" value="a" name="cardNumber">',
    '<input data-track-field="f10" value="a" name="passenger">',
    '<input data-track-field="f11" value="a" id="user_pin">',
    '<input data-track-field="f12" value="a" aria-label="Your IBAN">',
    '<input data-track-field="f13" value="a" placeholder="CVC2">',
    '<label>Token <input data-track-field="f14" value="a"></label>',
    '<label>Card <input value="a"><input data-track-field="f15" value="a"></label>',
    '<label>Card <input type="hidden"><input data-track-field="f16" value="a"></label>',
    '<label for="n17">SSN</label><input id="n17" data-track-field="f17" value="a">',
    '<label for="none">PIN <input data-track-field="f18" value="a"></label>',
    '<label>Pay by <select data-track-field="f19"><option selected>Cash<option>Card</select></label>',
    '<textarea data-track-field="f20" title="secret">a</textarea>',
    '<input type="password" name="shared"><input name="shared" data-track-field="f21" value="a">',
    '<input data-track-field="f22" value="a" data-track-value="4111 1111 1111 1111">',
    '<div data-track-off><input data-track-field="f23" value="a"></div>',
    '<div data-track-form="inner"><input data-track-field="f24" value="a"></div>',
    '<input data-track-field="f25" value="a" form="nowhere">',
    '<input data-track-field="f26" value="a" form="other">',
    '<input data-track-field="password" value="a">',
    "<ul><li data-track-off>x<li><input data-track-field=f27 value=a></ul>",
    "<p data-track-off>x<div><input data-track-field=f28 value=a></div>",
    "<template><input data-track-field=f29 value=a></template>",
)


def test_the_same_fields_are_sent_and_refused(stage):
    page = f'<form data-track-form="all">{"".join(FIELDS)}<button data-track-off>Send</button></form>'
    page += f'<form id="other" data-track-form="other"></form>{STAY}'
    audited = read_page(page, SHIPPED)
    shown = stage.open(page)
    shown.evaluate("document.querySelector('form').requestSubmit()")
    stage.leave(shown)
    told = {event["params"]["form"]: event["params"] for event in stage.events if event["action"] == "form.submit"}
    sent = {name: set(params["fields"]) for name, params in told.items()}
    assert sent == {form.name: {field.name for field in form.fields} for form in audited.forms if form.name != "other"}
    never = {one.subject for one in audited.mistakes if one.code == Code.NEVER_CAPTURED}
    assert never == set(told["all"]["skipped"])


ELEMENTS = (
    '<a href="#x" data-track="a0">a0</a>',
    '<a data-track="a1">a1</a>',
    '<button type="button" data-track="a2">a2</button>',
    '<input type="button" data-track="a3" value="a3">',
    '<span role="button" data-track="a4">a4</span>',
    '<img alt="a5" width="40" height="20" data-track="a5">',
    '<div data-track="a6">a6</div>',
    '<div data-track="a7" data-track-as="banner">a7</div>',
    '<div data-track="a8" data-track-on="hover">a8</div>',
    '<div data-track="a9" data-track-on=" hover  click ">a9</div>',
    '<div data-track="a10" data-track-on="Click">a10</div>',
    '<div data-track-off><div data-track="a11">a11</div></div>',
    '<input type="text" data-track="a12" value="a12">',
)


def test_the_same_clicks_are_sent(stage):
    page = "".join(f"<section>{one}</section>" for one in ELEMENTS) + STAY
    audited = {(one.name, action) for one in read_page(page, SHIPPED).elements for action in one.events}
    shown = stage.open(page, moving=True)
    for number in range(len(ELEMENTS)):
        shown.click(f'[data-track="a{number}"]')
    stage.leave(shown)
    sent = {(event["params"]["name"], event["action"]) for event in stage.events if event["action"].endswith(".click")}
    assert sent == {(name, action) for name, action in audited if action.endswith(".click")}
