"""What the audit finds on one page: each kind of mistake on its line, and nothing where there is none."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taken import some

from proxy.audit.findings import Element, Field, Form, Suggestion
from proxy.audit.reading import LINKS_A_PAGE, MISTAKES_A_PAGE, TAGGED_A_PAGE, read_page
from proxy.events.catalogue import Catalogue, Definition, Param
from proxy.events.shipped import SHIPPED

HOSTILE_SECONDS = 15
"""For what no page is; a usual one takes a few hundredths."""


def found(*lines, catalogue=SHIPPED):
    return read_page("\n".join(lines), catalogue)


def mistakes(*lines, catalogue=SHIPPED):
    return [(one.line, str(one.code)) for one in found(*lines, catalogue=catalogue).mistakes]


def said(*lines, catalogue=SHIPPED):
    [one] = found(*lines, catalogue=catalogue).mistakes
    return one.message


def in_form(*lines):
    return ("<form data-track-form=f>", *lines, "</form>")


# What is right ---------------------------------------------------------------------------------------------------


def test_elements_with_their_context_and_events():
    told = found(
        "<a href=/ data-track=A></a><button data-track=B></button>",
        "<img data-track=C><div data-track=D data-track-on=hover></div>",
        "<a data-track=E></a><input type=submit data-track=F><i role=button data-track=G></i>",
        "<i data-track=H data-track-as=banner data-track-on='click hover' data-track-p-sku=S1></i>",
    )
    assert told.mistakes == ()
    assert [(one.line, one.name, one.context) for one in told.elements] == [
        (1, "A", "link"), (1, "B", "button"), (2, "C", "image"), (2, "D", "element"),
        (3, "E", "element"), (3, "F", "button"), (3, "G", "button"), (4, "H", "banner"),
    ]  # fmt: skip
    assert told.elements[0].events == ("link.click", "link.hover")
    assert told.elements[3] == Element(2, "D", "element", ("element.hover",))


def test_a_form_with_its_fields():
    told = found(
        "<form id=f data-track-form=order>",
        "<input name=a data-track-field=a><input type=file data-track-field=b data-track-send=filled>",
        "<input type=hidden data-track-field=c data-track-value=spring>",
        "<input type=radio data-track-field=d><input type=radio data-track-field=d>",
        "</form>",
        "<input form=f data-track-field=e>",
    )
    assert told.mistakes == ()
    assert told.forms == (
        Form(
            1,
            "order",
            ("form.start", "field.change", "form.submit"),
            (
                Field(2, "a", "value"),
                Field(2, "b", "filled"),
                Field(3, "c", "constant"),
                Field(4, "d", "value", 2),
                Field(6, "e", "value"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("page", "events"),
    [
        ("<form data-track-form=f><input>", ("form.submit",)),
        ("<form data-track-form=f data-track-on=submit><input data-track-field=a>", ("form.submit",)),
        ("<form data-track-form=f data-track-on=change><input data-track-field=a>", ("form.start", "field.change")),
        ("<div data-track-form=f><input data-track-field=a></div>", ("form.start", "field.change")),
        ("<form><p data-track-form=f><input data-track-field=a data-track-on=submit>", ("form.start", "form.submit")),
        ("<p data-track-form=f><b><form><input data-track-field=a>", ("form.start", "field.change", "form.submit")),
    ],
)
def test_what_a_form_sends_is_what_the_tracker_would(page, events):
    told = found(page.replace("<p ", "<section ").replace("<b>", "<div>"))
    assert told.mistakes == () and told.forms[0].events == events


def test_the_tag_that_footfall_puts_in_and_other_tools_tags_are_no_finding():
    told = found(
        '<script async src="/_footfall/t.js?v=1" data-page="abc"></script>',
        "<a href=/ data-tracking=x data-tracker-id=1 data-trackable></a>",
    )
    assert told.mistakes == () and told.elements == ()


# What is wrong ---------------------------------------------------------------------------------------------------

EACH = [
    ("unknown_attribute", ["<i data-track=a data-track-feild=x></i>"], "did you mean data-track-field?"),
    ("unknown_attribute", ["<i data-track=a data-track_as=banner></i>"], "did you mean data-track-as?"),
    ("unknown_attribute", ["<i data-track=a data-track-az=x></i>"], "did you mean data-track-as?"),
    ("unknown_attribute", ["<i data-track-name=x></i>"], "did you mean data-track?"),
    ("unknown_attribute", ["<i data-track=a data-track-sku=x></i>"], "written data-track-p-sku"),
    ("unknown_word", ["<i data-track=a data-track-as=baner></i>"], "did you mean banner?"),
    ("unknown_word", ["<i data-track=a data-track-as=Banner></i>"], "did you mean banner?"),
    ("unknown_word", ["<a href=/ data-track-as=hero></a>"], "one of banner, link"),
    ("unknown_word", ["<i data-track=a data-track-as=screen></i>"], "one of banner, link"),
    ("unknown_word", ["<a href=/ data-track=a data-track-as></a>"], "taken for link"),
    ("unknown_word", ["<i data-track=a data-track-on='click hovr'></i>"], "did you mean hover?"),
    ("unknown_word", [*in_form("<input data-track-field=a data-track-send=filed>")], "the value itself is sent"),
    ("no_effect", ["<i data-track=a data-track-on=submit></i>"], "has only click and hover"),
    ("no_effect", ["<i data-track=a data-track-on></i>"], "nothing of the element is tracked"),
    ("no_effect", ["<i data-track-on=click></i>"], "no tag on the element"),
    ("no_effect", ["<i data-track-as=banner></i>"], "there is no data-track on"),
    ("no_effect", ["<i data-track-p-sku=1></i>"], "neither data-track nor"),
    ("no_effect", [*in_form("<input data-track-send=filled>")], "no data-track-field"),
    ("no_effect", [*in_form("<input data-track-value=a>")], "no data-track-field"),
    ("empty_name", ["<i data-track></i>"], "element's own text"),
    ("empty_name", ["<i data-track='  '></i>"], "nothing is recorded"),
    ("empty_name", ["<form data-track-form=''></form>"], "nothing is recorded"),
    ("empty_name", [*in_form("<input data-track-field>")], "nothing is recorded"),
    ("long_name", [f"<i data-track={'x' * 101}></i>"], "101 characters, more than 100: it is cut after 100"),
    ("long_name", [f"<form data-track-form={'x' * 101}></form>"], "it is refused"),
    ("sensitive_name", ["<i data-track='4111 1111 1111 1111'></i>"], "looks like a secret (card)"),
    ("same_name", ["<i data-track=a></i><b data-track=' a '></b>"], 'two elements are called "a", the first on line 2'),
    ("same_form", ["<form data-track-form=a></form><form data-track-form=a></form>"], "twice, first on line 2"),
    ("same_field", [*in_form("<input data-track-field=a><input data-track-field=a>")], "twice in its form"),
    ("same_field", [*in_form("<input type=radio data-track-field=a>", "<input data-track-field=a>")], "twice"),
    ("outside_form", ["<input data-track-field=a>"], "data-track-form is missing"),
    ("outside_form", ["<form id=g></form><form data-track-form=f><input form=g data-track-field=a></form>"], "missing"),
    ("no_field", [*in_form("<div data-track-field=a></div>")], '"a" is a div'),
    ("no_field", [*in_form("<input type=submit data-track-field=a>")], "input of type submit"),
    ("bad_param", ["<i data-track=a data-track-p-=x></i>"], "1 to 64"),
    ("bad_param", ["<i data-track=a data-track-p-a@b=x></i>"], "1 to 64"),
    ("bad_param", ["<i data-track=a data-track-p-name=x></i>"], "the tracker fills itself"),
    ("bad_param", ["<form data-track-form=a data-track-p-fields=x></form>"], "the tracker fills itself"),
    ("bad_param", ["<i data-track=a data-track-p-uuid=x></i>"], "reserved"),
    ("bad_param", ["<i data-track=a data-track-p-token=x></i>"], "never kept"),
    ("bad_param", ["<i data-track=a data-track-p-note='4111111111111111'></i>"], "looks like a secret"),
    ("bad_param", [f"<i data-track=a data-track-p-note={'x' * 1025}></i>"], "at most 1024 characters"),
    ("bad_param", [f"<i data-track=a {' '.join(f'data-track-p-x{n}' for n in range(30))}></i>"], "more than 32"),
    ("inside_off", ["<div data-track-off><p><i data-track=a></i></div>"], "never tracked"),
    ("inside_off", ["<i data-track=a data-track-off></i>"], "never tracked"),
    ("inside_off", [*in_form("<div data-track-off><input data-track-field=a></div>")], "never tracked"),
    (
        "inside_off",
        ["<div data-track-off><form data-track-form=a>" + "<input data-track-field=a>" * 2 + "</form></div>"],
        "nor are its 2 tagged fields",
    ),
    ("unknown_call", ["<script>footfall.track('a.b')</script>"], "there are visit, event"),
    ("unknown_call", ["<script>footfall.push(['evnt', 'a.b'])</script>"], "did you mean event?"),
    ("bad_action", ["<script>footfall.event('entries.count', {n: 1})</script>"], "not defined"),
    ("bad_action", ["<script>footfall.push(['event', 'baner.click'])</script>"], "did you mean banner.click?"),
    ("bad_action", ["<script>footfall.event('nodot')</script>"], "3 to 32"),
    ("bad_action", ["<script>footfall.event('transaction.charge')</script>"], "own endpoint"),
    ("bad_action", ["<script>footfall.event('client.login')</script>"], "never comes from a browser"),
    ("bad_action", ["<script>footfall.event('screen.view')</script>"], "without a token"),
    ("bad_action", ["<button onclick=\"footfall.event('a.b')\"></button>"], "not defined"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "lines", "words"), EACH, ids=[f"{code}-{words[:20]}" for code, _, words in EACH])
def test_each_mistake_is_found_once_on_its_line(code, lines, words):
    inside = max(2, len(lines))
    told = found("<!doctype html>", *lines)
    assert [(one.line, str(one.code)) for one in told.mistakes] == [(inside, code)], told.mistakes
    assert words in told.mistakes[0].message
    assert mistakes("<p>\r", "\r", *lines) == [(inside + 1, code)]


NEVER = [
    ("type=password", "a password field"),
    ("type=PassWord", "a password field"),
    ("type=hidden value=x", "a hidden field"),
    ("type=file", "it is a file"),
    ("autocomplete='section-a cc-number'", 'its autocomplete is "cc-number"'),
    ("autocomplete=one-time-code", '"one-time-code"'),
    ("autocomplete='new-password'", '"new-password"'),
    ("name=cardNumber", 'its name says "card"'),
    ("id=user_pin", 'its id says "pin"'),
    ("aria-label='Your IBAN'", 'its aria-label says "iban"'),
    ("placeholder='CVC'", 'its placeholder says "cvc"'),
    ("type=hidden data-track-value='4111 1111 1111 1111'", "data-track-value looks like a secret"),
]


@pytest.mark.parametrize(("attributes", "words"), NEVER)
def test_a_field_that_is_never_captured_is_said_with_the_reason(attributes, words):
    lines = in_form(f"<input data-track-field=a {attributes}>")
    assert mistakes(*lines) == [(2, "never_captured")]
    assert words in said(*lines) and "4111" not in said(*lines)


def test_labels_and_the_name_of_a_password_field_count_too():
    assert 'its label says "pin"' in said(*in_form("<label>PIN <input data-track-field=a></label>"))
    assert 'its label says "card"' in said(*in_form("<label for=x>Your card</label><input id=x data-track-field=a>"))
    assert "same name" in said(*in_form("<input name=a type=password>", "<input name=a data-track-field=b>"))
    assert 'its data-track-field says "otp"' in said(*in_form("<input data-track-field=otp>"))
    fine = "<label>Card <input type=hidden><b></b><input name=a></label><label>Name <input data-track-field=b></label>"
    assert mistakes(*in_form(fine, "<input name=passenger data-track-field=experience>")) == []


def test_groups_and_lists_of_one_name_are_one_field():
    for kind in ("radio", "checkbox"):
        assert mistakes(*in_form(*[f"<input type={kind} data-track-field=a>"] * 3)) == []
    assert mistakes(*in_form(*["<input name=topics[] data-track-field=a>"] * 2)) == []
    twice = "<section data-track-form={}><input data-track-field=a></section>"
    assert mistakes(twice.format("f"), twice.format("g")) == []


def test_three_of_one_name_are_one_mistake():
    assert mistakes("<i data-track=a></i>", "<i data-track=a></i>", "<i data-track=a></i>") == [(2, "same_name")]
    assert mistakes("<i data-track=a></i>", "<div data-track-off></div>", "<form data-track-form=a></form>") == []


def test_defined_events_are_known_and_their_params_are_wanted():
    params = {"name": Param("string"), "size": Param("number", required=True)}
    own = Catalogue(
        [
            *SHIPPED,
            Definition("hero.click", params, anonymous=True),
            Definition("entries.count", {}, anonymous=True),
            Definition("entries.secretly", {}, from_api=True),
        ]
    )
    hero = "<i data-track=a data-track-as=hero data-track-on=click {}></i>"
    assert mistakes(hero.format("data-track-p-size=3"), catalogue=own) == []
    assert "size is not a number" in said(hero.format("data-track-p-size=L"), catalogue=own)
    assert "data-track-p-size is missing" in said(hero.format(""), catalogue=own)
    assert mistakes("<i data-track=a data-track-as=hero data-track-p-size=3></i>", catalogue=own) == [
        (1, "unknown_word")
    ]
    assert mistakes("<script>footfall.event('entries.count')</script>", catalogue=own) == []
    secretly = "footfall.event('entries.secretly')"
    assert mistakes(f"<script>{secretly}</script>", catalogue=own) == [(1, "bad_action")]
    assert mistakes(f"<script>footfall.token(jwt); {secretly}</script>", catalogue=own) == []


# Scripts ---------------------------------------------------------------------------------------------------------


def test_calls_are_read_as_scripts_are_written():
    lines = [
        '<p></p><script type="module"',
        '  data-x="1">',
        "// footfall.event('no.comment')",
        "/* footfall.event('no.comment') */ const text = \"footfall.event('no.string')\";",
        "(window.footfall = window.footfall || []).push(['visit', {a: ['event', 'no.param']}],",
        "  ['event', 'is.a'], ['event', name], ['event', 'no.' + name]);",
        "window.footfall?.event?.(`is.b`, {}); footfall.event(`no.${name}`); footfall.event('is.\\x63')",
        "footfall = [['event', 'is.d']]; footfall.length; footfall.concat([]); other.footfall.event('no.other')",
        "</script><script type='application/json'>footfall.event('no.data')</script>",
        "<script src=/x.js>footfall.event('no.body')</script><template><i data-track-x></i></template>",
    ]
    told = found(*lines).mistakes
    assert [(one.line, one.subject) for one in told] == [(6, "is.a"), (7, "is.b"), (7, "is.c"), (8, "is.d")]


# How browsers read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        "<ul><li data-track-off>a<li data-track=b>b</ul>",
        "<p data-track-off>a<div data-track=b>b</div>",
        "<table><tr><td data-track-off>a<td data-track=b>b</table>",
        "<table><tr data-track-off><td>a<tr><td data-track=b>b</table>",
        "<dl><dt data-track-off>a<dd data-track=b>b</dl>",
        "<select><option data-track-off>a<option data-track=b>b</select>",
        "<div data-track-off><li>a</div><li data-track=b>b",
    ],
)
def test_an_end_tag_that_is_left_out_is_no_end_of_tracking(page):
    told = found(page)
    assert told.mistakes == () and len(told.elements) == 1


@pytest.mark.parametrize(
    "page",
    [
        "<!-- <i data-track-x> -->",
        "<textarea><i data-track-x></textarea>",
        "<noscript><i data-track-x></i></noscript>",
        "<template><i data-track-x></i></template>",
        "<script>'<i data-track-x>'</script>",
    ],
)
def test_what_is_no_element_is_no_finding(page):
    assert mistakes(page) == []


def test_a_declared_shadow_root_is_a_part_of_the_page():
    assert mistakes("<div><template shadowrootmode=open><i data-track-x></i></template></div>") == [
        (1, "unknown_attribute")
    ]


# What could be tagged ---------------------------------------------------------------------------------------------


def test_a_form_without_a_tag_is_suggested_with_a_name_and_its_fields():
    told = found(
        "<form data-track-form=contact></form>",
        "<form id=contact action=/send>",
        "<input name=Email><input name=passwd><input type=password name=p><input type=hidden name=h>",
        "<input name='topics[]' type=checkbox><input name='topics[]' type=checkbox><select id=theSize></select>",
        "<label>Card <input name=no></label><textarea name=text></textarea><input type=submit name=go>",
        "<div data-track-off><input name=quiet></div>",
        "</form><form action=/a/subscribe.php?x=1></form><form role=search><input name=q form=other></form>",
        "<form id=other></form><form action='http://[x'></form>",
        "<form method=dialog></form><div data-track-off><form id=off></form></div>",
        "<section data-track-form=box><form id=inner></form></section>",
        "<form id=outer><section data-track-form=box2></section></form>",
    )
    assert told.mistakes == ()
    assert told.suggestions == (
        Suggestion(2, "contact-2", (("email", True), ("topics", False), ("the-size", False), ("text", True))),
        Suggestion(7, "subscribe", ()),
        Suggestion(7, "search", ()),
        Suggestion(8, "other", (("q", False),)),
        Suggestion(8, "form", ()),
    )


# What nobody writes ----------------------------------------------------------------------------------------------

HOSTILE = {
    "deep": "<span data-track=x>" * 30_000,
    "deep labels": "<label>" * 20_000 + "<input data-track-field=x>" * 5_000,
    "deep forms": "<form data-track-form=x>" * 5_000 + "<input data-track-field=x>" * 5_000,
    "many forms": "<form>" * 20_000,
    "never closed": "<ul>" + "<li>x<p>" * 20_000,
    "huge attribute": f"<a href=/ data-track='{'x' * 1_500_000}'>",
    "many attributes": "<a " + "".join(f"data-track-x{n} " for n in range(20_000)) + ">",
    "huge attribute's name": f"<a href=/ data-track=x data-track-{'x' * 1_000_000}=1>",
    "comments": "<!--" * 100_000,
    "declarations": "<![CDATA[" * 50_000 + "<!" * 50_000 + "<?" * 50_000,
    "open tags": "<a " * 100_000 + "<a x='" * 50_000,
    "open script": "<script>" + "footfall.push([" * 40_000,
    "open strings": "<script>" + "footfall.event('" * 40_000,
    "brackets": "<script>" + "footfall.push(((" * 30_000,
    "references": "<i data-track='" + "&amp" * 100_000 + "'>" + "&" * 100_000,
    "nulls": "<i data-track='\0\x1b[31m\u202e'>\0" * 1_000,
    "nothing": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_is_read_within_bounds(name):
    begun = time.monotonic()
    told = read_page(HOSTILE[name], SHIPPED)
    assert time.monotonic() - begun < HOSTILE_SECONDS
    assert len(told.mistakes) <= MISTAKES_A_PAGE and len(told.elements) <= TAGGED_A_PAGE
    assert all(len(one.message) < 600 for one in told.mistakes)


BITS = [
    *"<>/=!-[]?'\" \n\r\0a&;#",
    *("<!--", "-->", "<![", "<!doctype", "<?", "]]>", "&#x", "&lt", "\ud800", "\u202e", "http://a"),
    *("<a ", "<form ", "<input ", "<label>", "</p>", "<script>", "</script>", "<template>", "<textarea>", "<base "),
    *("data-track", "data-track-form=f", "data-track-field=x", "data-track-off", "data-track-p-a=", "form=f", "id=f"),
    *("footfall.push([", "footfall.event(", "type=password", "name=", "href=", "on"),
]


@given(st.lists(st.sampled_from(BITS), max_size=40).map("".join) | st.text(max_size=200))
@settings(max_examples=some(400))
def test_whatever_the_text_is_it_is_read(text):
    told = read_page(text, SHIPPED)
    lines = 1 + text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    assert all(1 <= one.line <= lines for one in (*told.mistakes, *told.elements, *told.forms, *told.links))


@pytest.mark.parametrize(
    "broken", ["<![foo bar[", "<![", "<![endif]>", "<![CDATA[ x ]]>", "<!doctype [<!element>", "<?php ?>"]
)
def test_what_a_parser_would_stumble_over_hides_nothing(broken):
    assert mistakes(broken + ">", "<i data-track-x></i>") == [(2, "unknown_attribute")]


def test_more_than_a_page_may_have_is_counted():
    told = found("<i data-track-x></i>" * (MISTAKES_A_PAGE + 7) + "<a href=/>a</a>" * (LINKS_A_PAGE + 5))
    assert (len(told.mistakes), told.left_out, len(told.links)) == (MISTAKES_A_PAGE, 7, LINKS_A_PAGE)
