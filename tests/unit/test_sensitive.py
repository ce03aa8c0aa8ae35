"""What is never captured: the cases the tracker shares, and what only a forger would send (EVENTS.md section 5)."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.sensitive import REASONS, is_sensitive_name, why_sensitive, why_sensitive_number

SHARED = json.loads((Path(__file__).parents[1] / "data" / "sensitive_cases.json").read_text("utf-8"))
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(("text", "reason"), SHARED["values"])
def test_values_that_tracker_and_server_agree_on(text, reason):
    assert why_sensitive(text) == reason


@pytest.mark.parametrize(("name", "sensitive"), SHARED["names"])
def test_names_that_tracker_and_server_agree_on(name, sensitive):
    assert is_sensitive_name(name) is sensitive


WIDER = [
    # a card's number and its date in one field
    ("4111 1111 1111 1111 12/27", "card"),
    ("4111 1111 1111 1111 1227 123", "card"),
    ("4111111111111111 1227 123", "card"),
    ("1234 4111 1111 1111 1111 0", "card"),
    ("3782 822463 10005 1227 99", "card"),
    # digits that are none of ASCII's, and other hyphens
    ("４１１１１１１１１１１１１１１１", "card"),
    ("٤١١١١١١١١١١١١١١١", "card"),
    ("4111\u00a01111\u00a01111\u00a01111", "card"),
    ("4111–1111–1111–1111", "card"),
    # the groups of other cards, with more between them
    ("3782_822463_10005", "card"),
    ("3782  822463  10005", "card"),
    ("3056/930902/5904", "card"),
    ("2223_0031_2200_3222", "card"),
    ("4111＿1111＿1111＿1111", "card"),
    ("4111\t1111\t1111\t1111", "card"),
    # not the same between all of them, more than that, or no card's first digit
    ("4111/1111_1111/1111", None),
    ("4111 x 1111 x 1111 x 1111", None),
    ("4111€ 1111€ 1111€ 1111", None),
    ("9111/1111/1111/1116", None),
    ("1111/1111/1111/1117", None),
    # a longer number is none
    ("41111111111111110000", None),
    ("123 45 6789", "ssn"),
    ("4-123-45-6789", "ssn"),
    ("de89 3704 0044 0532 0130 00", "iban"),
    ("GB82-WEST-1234-5698-7654-32", "iban"),
    ("pay DE89 3704 0044 0532 0130 00 today please", "iban"),
    ("MT84MALT011000012345MTLCAST001S", "iban"),
    # an IBAN that is longer than allowed is none
    ("GB82WEST12345698765432" + "0" * 20, None),
    # the check digits are right, but nobody's account is spelled in words
    ("AB12 is a postcode", None),
    (f"token={JWT}&x", "jwt"),
    (f"x-{JWT}", "jwt"),
    (f"x{JWT}", None),
    (JWT.rpartition(".")[0] + ".", "jwt"),
]


@pytest.mark.parametrize(("text", "reason"), WIDER)
def test_what_the_server_looks_for_besides(text, reason):
    assert why_sensitive(text) == reason


NUMBERS = [
    (4111111111111111, "card"),
    (-4111111111111111, "card"),
    (4111111111111111.0, "card"),
    (4111111111111112, None),
    (4111111111111111.5, None),
    (float("inf"), None),
    (0.4111111111111111, None),
    (52.22967561234567, None),
    (411111111111, None),
    # a clock's number that passes Luhn's check, and an old card's
    (1764186130001, None),
    (4222222222222, "card"),
    (10**400, None),
    (1e300, None),
    (0, None),
]


@pytest.mark.parametrize(("number", "reason"), NUMBERS)
def test_a_number_may_be_a_cards_as_well(number, reason):
    assert why_sensitive_number(number) == reason


def test_an_iban_ends_where_its_word_ends():
    bban = "1234567890" * 3
    iban = f"DE{98 - int(bban + '131400') % 97:02}{bban}"
    assert len(iban) == 34
    assert why_sensitive(iban) == "iban"
    assert why_sensitive(f"{iban} and more") == "iban"
    assert why_sensitive(f"{iban}0") is None


def luhn_completed(digits: str) -> str:
    """The digits and the one that makes Luhn's sum right, by trying all ten against the textbook's loop."""
    for last in "0123456789":
        total = 0
        for place, char in enumerate(reversed(digits + last)):
            digit = int(char) * (2 if place % 2 else 1)
            total += digit - 9 if digit > 9 else digit
        if total % 10 == 0:
            return digits + last
    raise AssertionError(digits)


TEXT = st.text(st.characters(exclude_categories=["Nd", "Nl", "No"], codec="ascii"), max_size=20)


@given(st.text("0123456789", min_size=12, max_size=18), TEXT, TEXT, st.sampled_from(["", " ", "-", "."]), st.data())
def test_a_card_is_found_anywhere_however_it_is_grouped(digits, before, after, joint, data):
    number = luhn_completed(digits)
    cuts = data.draw(st.sets(st.integers(1, len(number) - 1), max_size=5))
    spelled = "".join((joint if place in cuts else "") + char for place, char in enumerate(number))
    assert why_sensitive(f"{before}!{spelled}!{after}") in ("card", "iban")
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert why_sensitive(f"!{wrong}!") is None


GROUPS = [(4, 4, 4, 4), (4, 6, 5), (4, 6, 4)]
APART = ["_", "/", "  ", " / ", " - ", "–", " – ", "\u00a0", "\u2009", "\u202f", ". ", "\n", "\r\n"]


@given(
    st.sampled_from(GROUPS),
    st.integers(3, 6).map(str),
    st.text("0123456789", min_size=17, max_size=17),
    TEXT,
    TEXT,
    st.sampled_from(APART),
)
def test_a_cards_groups_may_be_further_apart(groups, first, digits, before, after, joint):
    number = luhn_completed((first + digits)[: sum(groups) - 1])
    starts = [sum(groups[:place]) for place in range(len(groups))]
    spelled = joint.join(number[start : start + size] for start, size in zip(starts, groups, strict=True))
    assert why_sensitive(f"{before}!{spelled}!{after}") in ("card", "iban")
    wrong = spelled[:-1] + str((int(spelled[-1]) + 1) % 10)
    assert why_sensitive(f"!{wrong}!") is None


@given(st.text())
def test_any_text_has_a_known_reason_or_none(text):
    assert why_sensitive(text) in REASONS | {None}
    assert isinstance(is_sensitive_name(text), bool)


HOSTILE = [
    "1",
    "1 ",
    "12 ",
    "1234 ",
    "123-45-",
    "123-45-6788 ",
    "4111111111111112 ",
    "4111_1111_1111_1112_",
    "4111   ",
    "a1.b2",
    "AB12 ",
    "AB12-CD34 ",
    "12AB 34CD 5678 ",
    "eyJ",
    "eyJabcdef.",
    "eyJabcdef ",
    "-eyJabcd",
    "-eyJabcd.",
    "eyJab.",
    "-----BEGIN ",
    "-",
    "٣",
    "\ufdfa",
    "aB",
]
BODY_CHARS = 32 * 1024
SECONDS = 2.0
"""Ten times what the slowest takes on a slow machine; what is quadratic takes minutes."""


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_whole_body_of_anything_is_judged_at_once(piece):
    text = (piece * BODY_CHARS)[:BODY_CHARS]
    started = time.process_time()
    why_sensitive(text)
    is_sensitive_name(text)
    assert time.process_time() - started < SECONDS
