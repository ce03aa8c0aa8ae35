"""VISITS.md section 1 as a table: every row, and that the first row that matches wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.fieldlist import FieldList
from proxy.page.eligibility import (
    PRIVATE_OUTCOMES,
    Answer,
    Kind,
    Outcome,
    Standing,
    classify,
    classify_as_get,
    is_document,
    is_prefetch,
    kind_of,
    may_be_page,
    may_transform,
    read_answer,
    read_fields,
)
from proxy.page.injector import Injector
from proxy.page.tagging import may_tag

NAVIGATE = {b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"document", b"accept": b"text/html,*/*;q=0.8"}
PLAIN = {b"accept": b"text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = {b"sec-fetch-mode": b"cors", b"sec-fetch-dest": b"empty", b"accept": b"*/*"}
FRAME = {b"sec-fetch-mode": b"navigate", b"sec-fetch-dest": b"iframe", b"accept": b"text/html"}
CURL = {b"accept": b"*/*"}
PREFETCH = {**NAVIGATE, b"sec-purpose": b"prefetch"}

HTML = Answer(200, True)
IMAGE = Answer(200, False)
MOVED = Answer(302, True)

# row, method, request fields, standing, answer, what the path last answered, outcome
ROWS = [
    (6, "HEAD", NAVIGATE, Standing.ORDINARY, HTML, None, "head_or_other"),
    (6, "PUT", NAVIGATE, Standing.ORDINARY, HTML, None, "head_or_other"),
    (6, "DELETE", SCRIPT, Standing.ORDINARY, Answer(204, False), None, "head_or_other"),
    (6, "OPTIONS", SCRIPT, Standing.ORDINARY, IMAGE, None, "head_or_other"),
    (6, "get", NAVIGATE, Standing.ORDINARY, HTML, None, "head_or_other"),
    (7, "GET", PREFETCH, Standing.ORDINARY, HTML, None, "prefetch"),
    (7, "GET", {**NAVIGATE, b"sec-purpose": b"prefetch;prerender"}, Standing.ORDINARY, HTML, None, "prefetch"),
    (7, "GET", {**NAVIGATE, b"purpose": b"Prefetch"}, Standing.ORDINARY, HTML, None, "prefetch"),
    (7, "GET", {**NAVIGATE, b"x-purpose": b"preview"}, Standing.ORDINARY, HTML, None, "prefetch"),
    (7, "GET", {**NAVIGATE, b"x-moz": b"prefetch"}, Standing.ORDINARY, HTML, None, "prefetch"),
    (7, "GET", {**NAVIGATE, b"purpose": b"instant"}, Standing.ORDINARY, HTML, None, "prefetch"),
    (7, "GET", {**NAVIGATE, b"sec-purpose": b"something-else"}, Standing.ORDINARY, HTML, None, "visit"),
    (8, "GET", NAVIGATE, Standing.ORDINARY, MOVED, None, "redirect"),
    (8, "POST", NAVIGATE, Standing.ORDINARY, Answer(303, False), None, "redirect"),
    (8, "GET", NAVIGATE, Standing.ORDINARY, Answer(300, True), None, "redirect"),
    (8, "GET", NAVIGATE, Standing.ORDINARY, Answer(308, True), None, "redirect"),
    (9, "GET", SCRIPT, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {b"sec-fetch-mode": b"same-origin", b"accept": b"text/html"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {b"sec-fetch-mode": b"no-cors", b"accept": b"text/html"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "POST", SCRIPT, Standing.ORDINARY, Answer(422, True), None, "fragment"),
    (9, "GET", {**PLAIN, b"x-requested-with": b"XMLHttpRequest"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {**PLAIN, b"hx-request": b"true"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {**PLAIN, b"turbo-frame": b"cart"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {**PLAIN, b"x-pjax": b"true"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {**PLAIN, b"x-inertia": b"true"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {**PLAIN, b"x-up-version": b"3"}, Standing.ORDINARY, HTML, None, "fragment"),
    (9, "GET", {**NAVIGATE, b"hx-request": b"true"}, Standing.ORDINARY, HTML, None, "visit"),
    (10, "GET", FRAME, Standing.ORDINARY, HTML, None, "frame"),
    (10, "GET", {**FRAME, b"sec-fetch-dest": b"frame"}, Standing.ORDINARY, HTML, None, "frame"),
    (10, "GET", {**FRAME, b"sec-fetch-dest": b"embed"}, Standing.ORDINARY, HTML, None, "frame"),
    (10, "GET", {**FRAME, b"sec-fetch-dest": b"object"}, Standing.ORDINARY, HTML, None, "frame"),
    (10, "GET", {**FRAME, b"sec-fetch-dest": b"fencedframe"}, Standing.ORDINARY, HTML, None, "frame"),
    (10, "GET", {**FRAME, b"sec-fetch-dest": b"object"}, Standing.ORDINARY, IMAGE, None, "frame"),
    (10, "GET", FRAME, Standing.ORDINARY, Answer(304, False), False, "frame"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, IMAGE, None, "asset"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, Answer(200, True, attachment=True), None, "asset"),
    (11, "POST", NAVIGATE, Standing.ORDINARY, Answer(204, True), None, "asset"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, Answer(205, True), None, "asset"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, Answer(206, True), None, "asset"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, Answer(416, True), None, "asset"),  # HTTP.md, C2
    (11, "GET", SCRIPT, Standing.ORDINARY, IMAGE, None, "asset"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, Answer(404, False), None, "asset"),
    (11, "GET", NAVIGATE, Standing.ORDINARY, Answer(304, False), False, "asset"),
    (11, "GET", {**NAVIGATE, b"accept": b"image/avif"}, Standing.ORDINARY, Answer(304, False), None, "asset"),
    (12, "GET", NAVIGATE, Standing.EXCLUDED, HTML, None, "excluded"),
    (13, "GET", NAVIGATE, Standing.BOT, HTML, None, "bot"),
    (13, "GET", CURL, Standing.BOT, HTML, None, "bot"),
    (14, "GET", NAVIGATE, Standing.OPTED_OUT, HTML, None, "opted_out"),
    (15, "GET", CURL, Standing.ORDINARY, HTML, None, "other_html"),
    (15, "GET", {}, Standing.ORDINARY, HTML, None, "other_html"),
    (15, "POST", {b"accept": b"application/json"}, Standing.ORDINARY, Answer(500, True), None, "other_html"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, HTML, None, "visit"),
    (16, "POST", NAVIGATE, Standing.ORDINARY, HTML, None, "visit"),
    (16, "GET", {**NAVIGATE, b"sec-fetch-dest": b"empty"}, Standing.ORDINARY, HTML, None, "visit"),
    (16, "GET", PLAIN, Standing.ORDINARY, HTML, None, "visit"),
    (16, "GET", {b"accept": b"TEXT/HTML"}, Standing.ORDINARY, HTML, None, "visit"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, Answer(404, True), None, "visit"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, Answer(503, True), None, "visit"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, Answer(201, True), None, "visit"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, Answer(304, False), True, "visit"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, Answer(304, False), None, "visit"),
    (16, "GET", NAVIGATE, Standing.ORDINARY, Answer(304, True), False, "visit"),
]


def outcome_of(method, fields, standing, answer, known):
    return classify(method, kind_of(fields), standing, answer.status, document=is_document(answer, fields, known))


@pytest.mark.parametrize(("row", "method", "fields", "standing", "answer", "known", "outcome"), ROWS)
def test_every_row_of_the_table(row, method, fields, standing, answer, known, outcome):
    assert outcome_of(method, fields, standing, answer, known) == outcome


# Each line matches the row it is named for and every later row that can hold at the same time: the first one wins.
ORDER = [
    ("HEAD", {**FRAME, b"sec-purpose": b"prefetch"}, Standing.EXCLUDED, MOVED, Outcome.HEAD_OR_OTHER),
    ("GET", {**SCRIPT, b"sec-purpose": b"prefetch"}, Standing.BOT, MOVED, Outcome.PREFETCH),
    ("GET", PREFETCH, Standing.EXCLUDED, IMAGE, Outcome.PREFETCH),
    ("GET", SCRIPT, Standing.EXCLUDED, MOVED, Outcome.REDIRECT),
    ("GET", FRAME, Standing.BOT, MOVED, Outcome.REDIRECT),
    ("GET", {**SCRIPT, b"sec-fetch-dest": b"iframe"}, Standing.EXCLUDED, HTML, Outcome.FRAGMENT),
    ("GET", FRAME, Standing.EXCLUDED, HTML, Outcome.FRAME),
    ("GET", FRAME, Standing.EXCLUDED, Answer(206, True, attachment=True), Outcome.FRAME),
    ("GET", NAVIGATE, Standing.EXCLUDED, IMAGE, Outcome.ASSET),
    ("GET", NAVIGATE, Standing.BOT, IMAGE, Outcome.ASSET),
    ("GET", CURL, Standing.EXCLUDED, HTML, Outcome.EXCLUDED),
    ("GET", CURL, Standing.BOT, HTML, Outcome.BOT),
    ("GET", CURL, Standing.OPTED_OUT, HTML, Outcome.OPTED_OUT),
    ("GET", CURL, Standing.ORDINARY, HTML, Outcome.OTHER_HTML),
    ("GET", NAVIGATE, Standing.OPTED_OUT, HTML, Outcome.OPTED_OUT),
]


@pytest.mark.parametrize(("method", "fields", "standing", "answer", "outcome"), ORDER)
def test_the_first_row_that_matches_wins(method, fields, standing, answer, outcome):
    assert outcome_of(method, fields, standing, answer, None) == outcome


OUTCOMES = {outcome for *_, outcome in ROWS}


@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT"]),
    st.dictionaries(
        st.sampled_from([b"sec-fetch-mode", b"sec-fetch-dest", b"accept", b"purpose", b"hx-request"]),
        st.sampled_from([b"navigate", b"cors", b"document", b"iframe", b"empty", b"text/html", b"*/*", b"prefetch"]),
    ),
    st.sampled_from([Standing.ORDINARY, Standing.EXCLUDED, Standing.BOT, Standing.OPTED_OUT]),
    st.builds(Answer, st.integers(100, 599), st.booleans(), attachment=st.booleans()),
    st.sampled_from([None, True, False]),
)
def test_every_request_has_an_outcome_and_only_the_navigations_that_may_be_tagged_are_visits(
    method, fields, standing, answer, known
):
    outcome = outcome_of(method, fields, standing, answer, known)
    assert outcome in OUTCOMES
    if outcome == Outcome.VISIT:
        assert method in ("GET", "POST") and may_be_page(method, fields, kind_of(fields))
        assert standing == Standing.ORDINARY
    if method == "HEAD":
        as_get = outcome_of("GET", fields, standing, answer, known)
        document = is_document(answer, fields, known)
        assert classify_as_get(kind_of(fields), standing, answer.status, document=document) == as_get


def test_the_outcomes_whose_html_must_not_be_shared_are_rows_7_9_10_and_13_to_16():
    assert set(PRIVATE_OUTCOMES) == {"prefetch", "fragment", "frame", "bot", "opted_out", "other_html", "visit"}


NAVIGATIONS = [
    (NAVIGATE, True),
    ({**NAVIGATE, b"sec-fetch-dest": b"empty"}, True),  # a service worker's respondWith(fetch(event.request))
    ({b"sec-fetch-mode": b"navigate"}, True),
    ({**NAVIGATE, b"sec-fetch-dest": b"iframe"}, False),
    ({**NAVIGATE, b"sec-fetch-dest": b"image"}, False),
    ({**SCRIPT, b"accept": b"text/html"}, False),
    (PLAIN, True),
    ({**PLAIN, b"x-requested-with": b"XMLHttpRequest"}, False),
    (CURL, False),
    ({}, False),
]


@pytest.mark.parametrize(("fields", "expected"), NAVIGATIONS)
def test_what_a_navigation_is(fields, expected):
    assert (kind_of(fields) == Kind.NAVIGATION) is expected


MAY_BE_PAGE = [
    ("GET", NAVIGATE, True),
    ("POST", NAVIGATE, True),
    ("HEAD", NAVIGATE, True),
    ("PUT", NAVIGATE, False),
    ("GET", SCRIPT, False),
    ("GET", FRAME, False),
    ("GET", CURL, False),
    ("GET", PREFETCH, True),
    ("GET", {b"sec-fetch-mode": b"no-cors", b"sec-fetch-dest": b"empty", b"sec-purpose": b"prefetch"}, True),
]


@pytest.mark.parametrize(("method", "fields", "expected"), MAY_BE_PAGE)
def test_what_may_become_a_tagged_page_is_known_from_the_request(method, fields, expected):
    assert may_be_page(method, fields, kind_of(fields)) is expected


def test_a_fetch_mode_says_more_than_a_library_field():
    assert kind_of({b"sec-fetch-mode": b"navigate", b"x-requested-with": b"com.example.app"}) == Kind.NAVIGATION
    assert kind_of({b"x-requested-with": b"com.example.app"}) == Kind.FRAGMENT
    assert not is_prefetch({b"purpose": b""})


def test_c4_what_is_said_in_two_cache_control_fields_is_said():
    fields = read_fields(FieldList.of([(b"cache-control", b"no-transform"), (b"cache-control", b"max-age=0")]))
    assert may_tag(HTML) and not may_transform(fields)


def test_the_fields_of_a_request_by_name_repeated_cookies_conditions_and_codings_joined():
    read = read_fields(
        FieldList.of(
            [
                (b"cookie", b"a=1"),
                (b"accept-encoding", b"gzip"),
                (b"if-none-match", b'"a"'),
                (b"purpose", b"prefetch"),
                (b"cookie", b"b=2"),
                (b"if-none-match", b'"b"'),
                (b"accept-encoding", b"br"),
                (b"if-match", b"*"),
                (b"purpose", b"other"),
                (b"host", b"shop.example"),
            ]
        )
    )
    assert read == {
        b"cookie": b"a=1; b=2",
        b"accept-encoding": b"gzip, br",
        b"if-none-match": b'"a", "b"',
        b"if-match": b"*",
        b"purpose": b"other",
        b"host": b"shop.example",
    }


HEADS = [
    ([(b"content-type", b"text/html")], {"html": True}),
    ([(b"content-type", b' Text/HTML ; Charset="UTF-8"')], {"html": True, "charset": b"utf-8"}),
    ([(b"content-type", b"text/html; boundary=x; charset='koi8-r'")], {"html": True, "charset": b"koi8-r"}),
    ([(b"content-type", b"text/html+x")], {}),
    ([(b"content-type", b"application/xhtml+xml")], {}),
    ([(b"content-type", b"text/plain;text/html")], {}),
    ([(b"content-disposition", b"Attachment; filename=a.html")], {"attachment": True}),
    ([(b"content-disposition", b"inline; filename=attachment.html")], {}),
    ([(b"content-encoding", b"GZIP")], {"coding": b"gzip"}),
    ([(b"content-encoding", b"identity")], {}),
    ([(b"content-encoding", b""), (b"content-encoding", b"gzip")], {"coding": b"gzip"}),
    ([(b"content-encoding", b"gzip"), (b"content-encoding", b"br")], {"coding": b"gzip,br"}),
    ([(b"cache-control", b"max-age=1"), (b"cache-control", b"No-Transform")], {"untouchable": True}),
    ([(b"x-footfall", b"tagged")], {"untouchable": True}),
    ([(b"content-security-policy", b"a"), (b"content-security-policy", b"b")], {"policies": (b"a", b"b")}),
    ([(b"content-security-policy-report-only", b"a")], {}),
    ([(b"content-length", b"12")], {"length": b"12"}),
    ([(b"content-type", b"text/plain"), (b"content-type", b"text/html")], {"html": True}),
    ([(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], {"set_cookies": (b"a=1", b"b=2")}),
]


@pytest.mark.parametrize(("headers", "expected"), HEADS)
def test_the_head_of_an_answer_is_read(headers, expected):
    assert read_answer(200, FieldList.of(headers)) == Answer(200, **{"html": False, **expected})


TAGGABLE = [
    (HTML, NAVIGATE, True),
    (Answer(404, True), NAVIGATE, True),
    (Answer(500, True), NAVIGATE, True),
    (Answer(200, True, charset=b"windows-1252"), NAVIGATE, True),
    (Answer(200, True, charset=b"shift_jis"), NAVIGATE, True),
    (IMAGE, NAVIGATE, False),
    (Answer(204, True), NAVIGATE, False),
    (Answer(205, True), NAVIGATE, False),
    (Answer(206, True), NAVIGATE, False),
    (Answer(302, True), NAVIGATE, False),
    (Answer(304, True), NAVIGATE, False),
    (Answer(103, True), NAVIGATE, False),
    (Answer(200, True, attachment=True), NAVIGATE, False),
    (Answer(200, True, untouchable=True), NAVIGATE, False),
    (HTML, {**NAVIGATE, b"cache-control": b"No-Transform"}, False),
    (HTML, {**NAVIGATE, b"cache-control": b"no-cache"}, True),
]


@pytest.mark.parametrize(("answer", "fields", "expected"), TAGGABLE)
def test_c2_c4_the_gate_for_the_tag(answer, fields, expected):
    assert (may_tag(answer) and may_transform(fields)) is expected


# The labels of encodings that cannot be scanned, as the Encoding Standard (4.2) has them, and what is no label there.
STATEFUL = (
    *(b"csiso2022jp", b"iso-2022-jp"),
    *(b"csiso2022kr", b"hz-gb-2312", b"iso-2022-cn", b"iso-2022-cn-ext", b"iso-2022-kr", b"replacement"),
)
WIDE = (
    *(b"csunicode", b"iso-10646-ucs-2", b"ucs-2", b"unicode", b"unicodefeff", b"utf-16", b"utf-16le"),
    *(b"unicodefffe", b"utf-16be"),
    *(b"utf-32", b"utf-32be", b"utf32", b"utf16", b"utf-7", b"ucs-4"),
)
SCANNABLE = (
    *(b"utf-8", b"utf8", b"unicode-1-1-utf-8", b"unicode11utf8", b"unicode20utf8", b"x-unicode20utf8"),
    *(b"windows-1252", b"iso-8859-1", b"us-ascii", b"shift_jis", b"euc-kr", b"big5", b"gb18030", b"x-user-defined"),
)


def injects(document: bytes) -> bool:
    injector = Injector(lambda policies: b"<script>", charset_declared=False, must_look_like_document=False)
    injector.feed(document)
    return injector.injected


@pytest.mark.parametrize("label", (*STATEFUL, *WIDE, *SCANNABLE))
def test_a_charset_that_cannot_be_scanned_is_known_in_content_type_and_in_a_meta(label):
    answer = read_answer(200, FieldList.of([(b"content-type", b"text/html; charset=" + label.upper())]))
    assert may_tag(answer) is (label in SCANNABLE)
    # A meta that can be read is not in UTF-16, whatever it says.
    assert injects(b"<html><head><meta charset=%b><link><body>" % label) is (label not in STATEFUL)
