"""Who may read the report: tokens, cookies, hosts, and where somebody goes on after signing in."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.report.access import COOKIE, Access, host_of, is_same_origin, own_place, take_token

TOKEN = "fW3k-9_Zq2"
ACCESS = Access(TOKEN)
VALUE = ACCESS.set_cookie().split(";")[0].partition("=")[2]


def test_the_cookie_follows_from_the_token_and_is_not_the_token():
    assert TOKEN not in ACCESS.set_cookie()
    assert Access(TOKEN).set_cookie() == ACCESS.set_cookie()
    assert Access(TOKEN + "x").set_cookie() != ACCESS.set_cookie()


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites():
    _, *attributes = ACCESS.set_cookie().split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)


@pytest.mark.parametrize(
    ("fields", "signed_in"),
    [
        ([f"{COOKIE}={VALUE}"], True),
        ([f"a=b; {COOKIE}={VALUE}; c=d"], True),
        (["a=b", f"{COOKIE}={VALUE}"], True),
        ([f"{COOKIE}=old; {COOKIE}={VALUE}"], True),
        ([], False),
        ([f"{COOKIE}="], False),
        ([f"{COOKIE}={VALUE}0"], False),
        ([f"{COOKIE}={VALUE.upper()}"], False),
        ([f"x{COOKIE}={VALUE}"], False),
        ([f"{COOKIE}={TOKEN}"], False),
        ([VALUE], False),
    ],
)
def test_a_cookie_signs_in_only_if_it_is_ours(fields, signed_in):
    assert ACCESS.is_signed_in(fields) == signed_in


@pytest.mark.parametrize(
    ("field", "good"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN}", True),
        (TOKEN, False),
        ("Bearer ", False),
        (f"Basic {TOKEN}", False),
        (f"Bearer {VALUE}", False),
        ("", False),
    ],
)
def test_a_bearer_token_signs_in_only_if_it_is_the_token(field, good):
    assert ACCESS.is_bearer(field) == good


@given(st.text())
@example("\ud800")
def test_no_other_text_is_the_token(text):
    assert ACCESS.is_token(text) == (text == TOKEN)


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        (["localhost:8081"], "localhost"),
        (["LOCALHOST"], "localhost"),
        (["localhost.:8081"], "localhost"),
        (["127.0.0.1:8081"], "127.0.0.1"),
        (["[::1]:8081"], "::1"),
        (["a-b.c_d.example"], "a-b.c_d.example"),
        ([], None),
        (["a", "a"], None),
        ([""], None),
        (["a:b"], None),
        (["a:1:2"], None),
        (["::1"], None),
        (["u@localhost"], None),
        (["localhost/"], None),
        (["localhost, evil"], None),
        (["localhost\n"], None),
        (["loc alhost"], None),
        (["."], None),
    ],
)
def test_a_host_is_one_well_formed_name(fields, host):
    assert host_of(fields) == host


@pytest.mark.parametrize(
    ("query", "token", "rest"),
    [
        ("token=a", "a", ""),
        ("range=7d&token=a&lane=bot", "a", "range=7d&lane=bot"),
        ("token=a&token=b", "a", ""),
        ("token=", "", ""),
        ("range=7d", None, "range=7d"),
        ("to%6ben=a%2Bb", "a+b", ""),
        ("%zz&token=a", "a", "%25zz="),
    ],
)
def test_the_token_is_taken_out_of_the_query(query, token, rest):
    assert take_token(query) == (token, rest)


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "\\\\evil",
        "",
        "evil",
        "/\n/evil.example",
        "/\t/evil.example",
        "/a b",
        "/ä",
        "/" + "a" * 3_000,
    ],
)
def test_going_on_leads_nowhere_but_into_the_report(text):
    assert own_place(text) == "/"


@pytest.mark.parametrize("text", ["/", "/visitors?range=7d", "/visitors/1?before=2-3", "/a//b", "/x?u=//evil"])
def test_going_on_keeps_places_of_the_report(text):
    assert own_place(text) == text


@pytest.mark.parametrize(
    ("site", "origin", "same"),
    [
        ("same-origin", None, True),
        ("same-site", "http://localhost:8081", False),
        ("cross-site", "http://localhost:8081", False),
        ("none", None, False),
        (None, "http://localhost:8081", True),
        (None, "http://LOCALHOST:8081", True),
        (None, "http://localhost:8080", False),
        (None, "http://evil.example", False),
        (None, "null", False),
        (None, None, False),
    ],
)
def test_a_form_is_taken_from_our_own_pages_only(site, origin, same):
    assert is_same_origin(site, origin, "localhost:8081") == same
