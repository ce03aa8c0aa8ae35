"""Page ids and event ids: unforgeable, of one length, ordered by time."""

import hashlib
import hmac
import uuid
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.visitors.ids import (
    MINUTE_MS,
    PageId,
    PageIds,
    bot_id,
    event_id,
    parse_uuid,
    session_end_id,
    text_of,
    visitor_id,
)

IDS = PageIds((b"s" * 32,))
PAGES = st.builds(PageId, st.binary(min_size=16, max_size=16), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))


@given(PAGES)
def test_a_page_id_comes_back_as_it_was_signed_in_43_characters(page):
    text = IDS.sign(*page)
    assert len(text) == 43 and set(text) <= set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert IDS.read(text.decode("ascii")) == page


@given(PAGES, st.booleans())
def test_a_page_id_to_the_byte(page, asleep):
    """VISITS.md section 3: version, id, flags, minute, and ten bytes of an HMAC-SHA256 over all of it."""
    raw = urlsafe_b64decode(IDS.sign(*page._replace(asleep=asleep)) + b"=")
    flags = page.counted | page.visitor_new << 1 | asleep << 2
    body = b"\1" + page.id + bytes((flags,)) + page.issued_minute.to_bytes(4, "big")
    key = hashlib.sha256(b"footfall page id\0" + b"s" * 32).digest()
    assert raw == body + hmac.digest(key, body, "sha256")[:10]


@given(PAGES, st.integers(0, 41), st.integers(1, 63))
def test_a_changed_character_makes_it_forged(page, index, shift):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = IDS.sign(*page).decode("ascii")
    other = alphabet[(alphabet.index(text[index]) + shift) % 64]
    assert IDS.read(text[:index] + other + text[index + 1 :]) is None


@given(st.text(max_size=60))
def test_any_text_is_forged_and_never_an_error(text):
    assert IDS.read(text) is None


@given(st.text("Aé-_=. \n", min_size=43, max_size=43))
def test_any_text_of_the_right_length_is_forged_and_never_an_error(text):
    assert IDS.read(text) is None


def test_a_retired_secret_verifies_and_a_foreign_one_does_not():
    page = PageId(bytes(16), True, False, 1)
    text = IDS.sign(*page).decode("ascii")
    assert PageIds((b"n" * 32, b"s" * 32)).read(text) == page
    assert PageIds((b"n" * 32,)).read(text) is None


def test_a_page_id_was_issued_at_the_start_of_its_minute():
    assert PageId(bytes(16), True, True, 7).issued_ms == 7 * MINUTE_MS


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_event_ids_are_uuids_of_version_7(now, random):
    made = uuid.UUID(bytes=event_id(now, random))
    assert made.version == 7 and made.variant == uuid.RFC_4122
    assert int.from_bytes(made.bytes[:6], "big") == now


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_event_ids_sort_by_their_time(now, earlier, later):
    assert event_id(now, earlier) < event_id(now + 1, later)


@given(st.binary(min_size=16, max_size=16))
def test_visitor_ids_are_uuids_of_version_4(random):
    made = uuid.UUID(bytes=visitor_id(random))
    assert made.version == 4 and made.variant == uuid.RFC_4122


def test_the_end_of_a_session_and_a_crawler_have_ids_that_follow_from_what_they_are():
    assert session_end_id(bytes(16)) == session_end_id(bytes(16)) != session_end_id(bytes(15) + b"\1")
    assert bot_id("Googlebot/2.1") == bot_id("Googlebot/2.1") != bot_id("bingbot/2.0")
    assert uuid.UUID(bytes=session_end_id(bytes(16))).version == uuid.UUID(bytes=bot_id("")).version == 5


@given(st.uuids())
def test_uuid_texts(value):
    assert text_of(value.bytes) == str(value)
    for text in (str(value), value.hex, str(value).upper()):
        assert parse_uuid(text) == value.bytes


NOT_UUIDS = [
    "",
    "0" * 31,
    "0" * 33,
    "g" * 32,
    "-" * 36,
    "{" + "0" * 32 + "}",
    "0" * 32 + "-" * 5,
    "٠" * 32,
    "?" * 32,
    # bytes.fromhex skips white space, which would leave fewer than 16 bytes
    " " * 32,
    "ab" * 15 + "  ",
    "\n" + "ab" * 15 + "\n",
]


@pytest.mark.parametrize("text", NOT_UUIDS)
def test_what_is_no_uuid(text):
    assert parse_uuid(text) is None


@given(st.text(max_size=40))
def test_any_text_is_16_bytes_or_no_uuid(text):
    parsed = parse_uuid(text)
    assert parsed is None or len(parsed) == 16
