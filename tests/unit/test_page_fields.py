"""The fields of tagged pages, both ways: entity tags, conditionals, Cache-Control, Vary (VISITS.md section 2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.fieldlist import FieldList
from proxy.page.fields import (
    CONCERNED,
    POLICY,
    last_modified_etag,
    private,
    restore,
    tagged_etag,
    to_upstream,
    to_visitor,
    with_policies,
)

DATE = b"Tue, 15 Nov 1994 12:45:26 GMT"
UNIX = b"784903526"

TAGS = [
    (b'"x"', b'W/"x~ff"'),
    (b'W/"x"', b'W/"x~ffw"'),
    (b'""', b'W/"~ff"'),
    (b'"x~ff"', b'W/"x~ff~ff"'),
    (b'W/"x~ffw"', b'W/"x~ffw~ffw"'),
    (b'"a,b"', b'W/"a,b~ff"'),
]


@pytest.mark.parametrize(("site", "ours"), TAGS)
def test_c1_an_entity_tag_and_its_way_back(site, ours):
    assert tagged_etag(site) == ours
    assert restore(ours) == ([site], None, True)


def test_c1_an_entity_tag_says_that_its_policy_got_a_nonce_of_ours():
    assert tagged_etag(b'"x"', b"n") == b'W/"x~ffn"' and restore(b'W/"x~ffn"') == ([b'"x"'], None, True)
    assert tagged_etag(b'W/"x"', b"n") == b'W/"x~ffwn"' and restore(b'W/"x~ffwn"') == ([b'W/"x"'], None, True)
    assert last_modified_etag(DATE, b"n") == b'W/"lm-' + UNIX + b'~ffn"'
    for name, value in ((b"etag", b'"x"'), (b"last-modified", DATE)):
        head = FieldList.of([(name, value)])
        for extended in (False, True):
            etag = to_visitor(head, tagged=True, length=None, extended=extended).by_name[b"etag"]
            assert etag.endswith(b'n"') == extended


def test_policies_take_each_others_places_and_nothing_else_moves():
    head = [(POLICY, b"a"), (b"x", b"1"), (POLICY, b"b"), (b"x", b"2"), (POLICY + b"-report-only", b"c")]
    made = with_policies(FieldList.of(head), (b"A", b"B"))
    assert list(made) == [(POLICY, b"A"), (b"x", b"1"), (POLICY, b"B"), (b"x", b"2"), head[4]]


@pytest.mark.parametrize("malformed", [b"x", b'"', b'"x', b'x"', b"W/x", b"", b'w/"x"'])
def test_what_is_no_entity_tag_stays_as_it_is(malformed):
    assert tagged_etag(malformed) == malformed


OPAQUE = st.binary(max_size=30).map(lambda raw: bytes(byte for byte in raw if byte >= 0x21 and byte not in b'"\x7f'))


@given(OPAQUE, st.booleans())
def test_c1_every_entity_tag_comes_back_with_its_strength(opaque, weak):
    etag = (b"W/" if weak else b"") + b'"' + opaque + b'"'
    mapped, since, ours = restore(tagged_etag(etag))
    assert ours
    # A site's own "lm-<digits>" is read as the date that our own form of it stands for.
    assert mapped == [etag] or (since is not None and opaque.startswith(b"lm-"))


@given(st.lists(st.tuples(OPAQUE, st.booleans(), st.booleans()), max_size=6))
def test_c1_a_list_of_entity_tags_is_mapped_member_by_member(members):
    members = [member for member in members if not member[0].startswith(b"lm-") and b"~ff" not in member[0]]
    site = [(b"W/" if weak else b"") + b'"' + opaque + b'"' for opaque, weak, _ in members]
    sent = [tagged_etag(tag) if tagged else tag for tag, (_, _, tagged) in zip(site, members, strict=True)]
    assert restore(b", ".join(sent)) == (site, None, any(tagged for _, _, tagged in members))


def test_a_last_modified_becomes_an_entity_tag_and_a_date_again():
    etag = last_modified_etag(DATE)
    assert etag == b'W/"lm-' + UNIX + b'~ff"'
    assert restore(etag) == ([], DATE, True)


@pytest.mark.parametrize("value", [b"", b"yesterday", b"\xff", b"Tue, 99 Nov 1994 12:45:26 GMT"])
def test_a_last_modified_that_is_no_date_makes_no_entity_tag(value):
    assert last_modified_etag(value) is None


OURS = b'W/"x~ff"'
LAST = b'W/"lm-' + UNIX + b'~ff"'
# request fields, (keep_ours, drop_conditionals, drop_range), replacements
UPWARDS = [
    ({b"accept": b"*/*"}, (True, True, True), {}),
    # an ordinary request: ours are mapped back, everything else is left alone
    ({b"if-none-match": b'"y"'}, (False, False, False), {}),
    ({b"if-none-match": OURS}, (False, False, False), {b"if-none-match": b'"x"'}),
    ({b"if-none-match": b'W/"x~ffw"'}, (False, False, False), {b"if-none-match": b'W/"x"'}),
    ({b"if-none-match": b'"y", W/"x~ff"'}, (False, False, False), {b"if-none-match": b'"y", "x"'}),
    ({b"if-match": OURS}, (False, False, False), {b"if-match": b'"x"'}),
    # a copy whose policy got a nonce of ours: never shown again, and still its site's own to an editor
    ({b"if-none-match": b'W/"x~ffn"'}, (False, False, False), {b"if-none-match": None}),
    ({b"if-none-match": b'W/"x~ffn"'}, (True, True, False), {b"if-none-match": None}),
    (
        {b"if-none-match": b'"y", W/"x~ffwn"', b"if-modified-since": DATE},
        (True, False, False),
        {b"if-none-match": None, b"if-modified-since": None},
    ),
    ({b"if-match": b'W/"x~ffn", W/"y~ffwn"'}, (True, True, False), {b"if-match": b'"x", W/"y"'}),
    ({b"if-none-match": b'"x~ffn"'}, (False, False, False), {}),
    ({b"if-match": LAST}, (False, False, False), {b"if-match": None, b"if-unmodified-since": DATE}),
    ({b"if-match": b'"x"'}, (False, False, False), {}),
    ({b"if-match": b"*"}, (False, False, False), {}),
    ({b"if-modified-since": DATE}, (False, False, False), {}),
    # what nginx calls a page of 255 bytes, and dates that nobody can write
    ({b"if-none-match": b'W/"6b08f4fa-ff"'}, (False, False, False), {}),
    ({b"if-none-match": b'W/"lm-999999999999~ff"'}, (False, False, False), {b"if-none-match": b'"lm-999999999999"'}),
    (
        {b"if-none-match": b'W/"lm-99999999999~ff"'},
        (False, False, False),
        {b"if-none-match": None, b"if-modified-since": b"Wed, 16 Nov 5138 09:46:39 GMT"},
    ),
    ({b"if-none-match": LAST}, (False, False, False), {b"if-none-match": None, b"if-modified-since": DATE}),
    # a returning visitor's page: kept only with our suffix
    ({b"if-none-match": OURS}, (True, True, False), {b"if-none-match": b'"x"'}),
    ({b"if-none-match": LAST}, (True, True, False), {b"if-none-match": None, b"if-modified-since": DATE}),
    ({b"if-none-match": b'"y"'}, (True, True, False), {b"if-none-match": None}),
    ({b"if-none-match": b'W/"x~ff", "y", W/"z~ffw"'}, (True, True, False), {b"if-none-match": b'"x", W/"z"'}),
    ({b"if-none-match": b"*"}, (True, True, False), {b"if-none-match": None}),
    ({b"if-modified-since": DATE}, (True, True, False), {b"if-modified-since": None}),
    (
        {b"if-none-match": b'"y"', b"if-modified-since": DATE},
        (True, True, False),
        {b"if-none-match": None, b"if-modified-since": None},
    ),
    # a new visitor's page: dropped, ours too
    ({b"if-none-match": OURS}, (False, True, False), {b"if-none-match": None}),
    ({b"if-modified-since": DATE}, (False, True, False), {b"if-modified-since": None}),
    # ranges
    ({b"range": b"bytes=0-1", b"if-range": b'"x"'}, (False, False, True), {b"range": None, b"if-range": None}),
    ({b"range": b"bytes=0-1"}, (True, True, False), {}),
]


@pytest.mark.parametrize(("fields", "rules", "changes"), UPWARDS)
def test_c1_conditionals_towards_upstream(fields, rules, changes):
    keep_ours, drop_conditionals, drop_range = rules
    assert changes == {} or not CONCERNED.isdisjoint(fields)
    assert changes == to_upstream(
        fields, keep_ours=keep_ours, drop_conditionals=drop_conditionals, drop_range=drop_range
    )


CACHING = [
    (b"", b"private"),
    (b"max-age=60", b"private, max-age=60"),
    (b"public, max-age=60", b"private, max-age=60"),
    (b"Public,S-MaxAge=600 , max-age=60", b"private, max-age=60"),
    (b"s-maxage = 600", b"private"),
    (b"private", b"private"),
    (b'private="set-cookie", no-cache', b"private, no-cache"),
    (b"no-store, must-revalidate, proxy-revalidate", b"no-store, must-revalidate"),
    (b"public, No-Store", b"No-Store"),
    (b"no-storey", b"private, no-storey"),
    (b"stale-while-revalidate=30, immutable", b"private, stale-while-revalidate=30, immutable"),
    (b",,max-age=1,", b"private, max-age=1"),
]


@pytest.mark.parametrize(("value", "expected"), CACHING)
def test_c5_cache_control_becomes_private_and_keeps_what_is_not_for_shared_caches(value, expected):
    assert private(value) == expected


def test_a_quoted_list_in_cache_control_is_one_directive():
    assert private(b'private="set-cookie, x-other", max-age=5') == b"private, max-age=5"
    assert private(b'no-cache="set-cookie, x-other", public') == b'private, no-cache="set-cookie, x-other"'


BOTH = b"Sec-Fetch-Dest, Sec-Fetch-Mode"
VARYING = [
    ([], BOTH),
    ([(b"vary", b"Accept-Encoding")], b"Accept-Encoding, " + BOTH),
    ([(b"vary", b"a"), (b"vary", b"b")], b"a, b, " + BOTH),
    ([(b"vary", b"sec-fetch-dest")], b"sec-fetch-dest, Sec-Fetch-Mode"),
    ([(b"vary", b"Sec-Fetch-Mode, SEC-FETCH-DEST")], b"Sec-Fetch-Mode, SEC-FETCH-DEST"),
    ([(b"vary", b"*")], b"*"),
    ([(b"vary", b"x-sec-fetch-dest")], b"x-sec-fetch-dest, " + BOTH),
]


@pytest.mark.parametrize(("headers", "expected"), VARYING)
def test_c6_vary_names_the_fetch_fields_and_never_cookie(headers, expected):
    result = to_visitor(FieldList.of(headers), tagged=False, length=None)
    assert [value for name, value in result if name == b"vary"] == [expected]


def test_an_untagged_page_is_made_private_and_nothing_else():
    headers = [
        (b"content-type", b"text/html"),
        (b"etag", b'"x"'),
        (b"last-modified", DATE),
        (b"accept-ranges", b"bytes"),
        (b"digest", b"sha-256=x"),
        (b"content-length", b"10"),
        (b"cdn-cache-control", b"max-age=9"),
        (b"surrogate-control", b"max-age=9"),
        (b"cache-control", b"max-age=9, s-maxage=9"),
        (b"x-after", b"1"),
    ]
    assert to_visitor(FieldList.of(headers), tagged=False, length=b"10") == [
        (b"content-type", b"text/html"),
        (b"etag", b'"x"'),
        (b"last-modified", DATE),
        (b"accept-ranges", b"bytes"),
        (b"digest", b"sha-256=x"),
        (b"content-length", b"10"),
        (b"x-after", b"1"),
        (b"cache-control", b"private, max-age=9"),
        (b"vary", BOTH),
    ]


def test_c3_a_tagged_page_has_our_entity_tag_the_marker_and_nothing_about_bytes_it_no_longer_has():
    headers = [
        (b"content-type", b"text/html"),
        (b"etag", b'"x"'),
        (b"last-modified", DATE),
        (b"accept-ranges", b"bytes"),
        (b"content-md5", b"x"),
        (b"digest", b"x"),
        (b"repr-digest", b"x"),
        (b"content-digest", b"x"),
        (b"content-length", b"10"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    assert to_visitor(FieldList.of(headers), tagged=True, length=None) == [
        (b"content-type", b"text/html"),
        (b"etag", b'W/"x~ff"'),
        (b"last-modified", DATE),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"cache-control", b"private"),
        (b"vary", BOTH),
        (b"x-footfall", b"tagged"),
    ]


def test_a_last_modified_without_entity_tag_gets_one_and_not_where_it_is_no_date():
    made = to_visitor(FieldList.of([(b"last-modified", DATE)]), tagged=True, length=None)
    assert (b"etag", b'W/"lm-' + UNIX + b'~ff"') in made
    assert b"etag" not in to_visitor(FieldList.of([(b"last-modified", b"?")]), tagged=True, length=None).by_name


def test_a_304_repeats_the_head_of_its_200():
    page = [(b"etag", b'"x"'), (b"cache-control", b"public, max-age=60"), (b"vary", b"Accept-Encoding")]
    whole = to_visitor(FieldList.of([*page, (b"content-length", b"9")]), tagged=True, length=None)
    assert to_visitor(FieldList.of(page), tagged=True, length=None) == whole


def test_our_cookie_comes_last_beside_those_of_the_site():
    site = [(b"set-cookie", b"a=1"), (b"etag", b'"x"')]
    made = to_visitor(FieldList.of(site), tagged=True, length=None, cookie=b"footfall=1")
    assert made.values(b"set-cookie") == [b"a=1", b"footfall=1"] and list(made)[-1] == (b"set-cookie", b"footfall=1")
