"""The visitor's cookie: issued, read, rotated, aged, and cut out byte-exactly (VISITS.md section 3; HTTP.md X3, F7)."""

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.access import COOKIE
from proxy.visitors.cookie import (
    DAY_MS,
    REPORT_NAME,
    CookieHeader,
    CookieSigner,
    Identity,
    Key,
    cut,
    is_ours,
    values_of,
)
from proxy.visitors.erased import Erased

DAY = 20_000
NOW = DAY * DAY_MS + 12_345
UUID = bytes(range(16))
OLD, NEW = Key(1, b"o" * 32), Key(2, b"n" * 32)
SIGNER = CookieSigner((OLD,))
ROTATED = CookieSigner((NEW, OLD))
NAMES = (b"footfall", b"__Host-footfall")

UUIDS = st.binary(min_size=16, max_size=16)


@given(UUIDS, st.integers(0, 394))
def test_what_is_issued_is_believed_until_it_is_395_days_old(uuid, age):
    value = SIGNER.value(uuid, DAY - age)
    assert SIGNER.read([value], NOW) == Identity(uuid, DAY - age, False)


def test_a_value_is_short_and_needs_no_quotes():
    value = SIGNER.value(UUID, DAY)
    assert len(value) == 27 + 1 + 43
    assert set(value) <= set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(UUIDS, st.integers(0, 2**16 - 1))
def test_a_value_to_the_byte(uuid, day):
    """VISITS.md section 3: version, uuid, day of the first issue, id of the key; a dot; the signature."""
    body, dot, signature = ROTATED.value(uuid, day).partition(b".")
    assert urlsafe_b64decode(body + b"=") == b"\1" + uuid + day.to_bytes(2, "big") + bytes((NEW.id,))
    assert dot and len(urlsafe_b64decode(signature + b"=")) == 32


AGES = [(-2, False), (-1, True), (0, True), (394, True), (395, False), (4000, False)]


@pytest.mark.parametrize(("age", "believed"), AGES)
def test_a_cookie_over_age_or_from_the_future_is_no_cookie(age, believed):
    value = SIGNER.value(UUID, DAY - age)
    assert (SIGNER.read([value], NOW) is not None) is believed


def test_a_cookie_ages_while_its_signature_is_remembered():
    signer = CookieSigner((OLD,), max_age_days=2)
    value = signer.value(UUID, DAY)
    assert signer.read([value], NOW) is not None
    assert signer.read([value], NOW + DAY_MS) is not None
    assert signer.read([value], NOW + 2 * DAY_MS) is None


@given(st.binary(max_size=140))
def test_any_bytes_are_a_visitor_or_nobody_and_never_an_error(value):
    assert SIGNER.read([value], NOW) is None


@given(st.integers(0, 26), st.integers(1, 255))
def test_a_single_changed_byte_of_what_is_signed_makes_it_nobodys(index, flip):
    value = bytearray(SIGNER.value(UUID, DAY))
    value[index] ^= flip
    assert SIGNER.read([bytes(value)], NOW) is None


@given(st.integers(27, 70), st.integers(1, 255))
def test_a_changed_signature_never_names_another_visitor(index, flip):
    value = bytearray(SIGNER.value(UUID, DAY))
    value[index] ^= flip
    # 43 characters of base64 hold two bits more than the signature has: those may differ.
    assert SIGNER.read([bytes(value)], NOW) in (None, Identity(UUID, DAY, False))
    assert index == 70 or SIGNER.read([bytes(value)], NOW) is None


def test_a_value_that_was_cut_short_is_nobodys():
    value = SIGNER.value(UUID, DAY)
    for end in range(len(value)):
        assert SIGNER.read([value[:end]], NOW) is None
    for tail in (b".", b"A", b".x", b"A" * 200):
        assert SIGNER.read([value + tail], NOW) is None


def test_the_signature_of_another_installation_is_not_believed():
    assert SIGNER.read([CookieSigner((Key(1, b"x" * 32),)).value(UUID, DAY)], NOW) is None
    assert SIGNER.read([CookieSigner((Key(9, b"o" * 32),)).value(UUID, DAY)], NOW) is None


def test_the_first_of_two_cookies_that_can_be_believed_wins():
    first, second = SIGNER.value(UUID, DAY), SIGNER.value(UUID[::-1], DAY)
    forged, over_age = second[:-1] + b"_", SIGNER.value(UUID, DAY - 395)
    for values, expected in [
        ([first, second], UUID),
        ([second, first], UUID[::-1]),
        ([forged, first], UUID),
        ([over_age, second], UUID[::-1]),
        ([b"", b"x.y", first], UUID),
    ]:
        identity = SIGNER.read(values, NOW)
        assert identity is not None and identity.uuid == expected
    assert SIGNER.read([forged, over_age], NOW) is None
    assert SIGNER.read([], NOW) is None


def test_after_a_rotation_a_retired_key_verifies_and_asks_to_be_signed_again():
    value = SIGNER.value(UUID, DAY - 100)
    assert ROTATED.read([value], NOW) == Identity(UUID, DAY - 100, True)
    signed_again = ROTATED.value(UUID, DAY - 100)
    assert ROTATED.read([signed_again], NOW) == Identity(UUID, DAY - 100, False)
    assert SIGNER.read([signed_again], NOW) is None
    assert CookieSigner((NEW,)).read([value], NOW) is None


def test_signing_again_does_not_make_a_cookie_live_longer():
    assert b"; Max-Age=%d;" % (395 * 86_400) in SIGNER.set_cookie(UUID, DAY, now_ms=NOW, secure=False)
    assert b"; Max-Age=%d;" % (295 * 86_400) in ROTATED.set_cookie(UUID, DAY - 100, now_ms=NOW, secure=False)
    assert b"; Max-Age=0;" in SIGNER.set_cookie(UUID, DAY - 500, now_ms=NOW, secure=False)


def test_the_whole_field_on_http_and_on_https():
    value = SIGNER.value(UUID, DAY)
    assert SIGNER.set_cookie(UUID, DAY, now_ms=NOW, secure=False) == (
        b"footfall=" + value + b"; Path=/; Max-Age=34128000; HttpOnly; SameSite=Lax"
    )
    assert SIGNER.set_cookie(UUID, DAY, now_ms=NOW, secure=True) == (
        b"__Host-footfall=" + value + b"; Path=/; Max-Age=34128000; HttpOnly; SameSite=Lax; Secure"
    )
    assert SIGNER.expire_cookie(secure=True) == (b"__Host-footfall=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure")


def test_a_configured_name_is_prefixed_on_https():
    signer = CookieSigner((OLD,), name="walk")
    assert (signer.name(False), signer.name(True)) == (b"walk", b"__Host-walk")


VALUES = [
    (b"", []),
    (b"a=1", []),
    (b"footfall=x", [b"x"]),
    (b"footfall=x; footfall=y", [b"x", b"y"]),
    (b"a=1;footfall=x;b=2", [b"x"]),
    (b"a=1;\tfootfall=x", [b"x"]),
    (b"footfall=a=b", [b"a=b"]),
    (b"footfall", [b""]),
    (b"Footfall=x", []),
    (b"xfootfall=x; footfallx=y", []),
    (b"a=footfall=x", []),
    (b"__Host-footfall=x", []),
]


@pytest.mark.parametrize(("header", "expected"), VALUES)
def test_the_values_of_a_cookie_in_order(header, expected):
    assert values_of(header, b"footfall") == expected


CUTS = [
    (b"a=1", b"a=1"),
    (b"footfall=x", None),
    (b" footfall=x ", None),
    (b"footfall=x; __Host-footfall=y", None),
    (b"footfall=x;", None),
    (b"footfall=x; a=1", b"a=1"),
    (b"a=1; footfall=x", b"a=1"),
    (b"a=1; footfall=x; b=2", b"a=1; b=2"),
    (b"a=1;footfall=x;b=2", b"a=1;b=2"),
    (b'a="1; footfall=x"; b=2', b'a="1; b=2'),  # a cookie's value has no semicolon (RFC 6265 section 4.1.1)
    (b"a=1;  b=\xff\x00 ;c", b"a=1;  b=\xff\x00 ;c"),
    (b"a=1;  b=\xff ;footfall=x;c", b"a=1;  b=\xff ;c"),
    (b"footfall_consent=in; xfootfall=1; footfallx=2", b"footfall_consent=in; xfootfall=1; footfallx=2"),
    (b"a=footfall; footfall=x", b"a=footfall"),
    (b"a=1; footfall", b"a=1"),
]


@pytest.mark.parametrize(("header", "rest"), CUTS)
def test_our_cookies_are_cut_and_every_other_byte_stays(header, rest):
    assert cut(header, NAMES) == rest


OTHERS = st.binary(max_size=12).filter(
    lambda part: b";" not in part and part.partition(b"=")[0].strip(b" \t") not in NAMES
)
MINE = st.sampled_from([b"footfall=x.y", b"__Host-footfall=", b"footfall", b"\tfootfall =z"])


@given(st.lists(st.tuples(st.booleans(), OTHERS, MINE), min_size=1, max_size=6))
def test_cutting_leaves_exactly_the_parts_that_are_not_ours(parts):
    header = b";".join(b" " + (ours if is_ours_ else other) for is_ours_, other, ours in parts)
    expected = b";".join(b" " + other for is_ours_, other, _ in parts if not is_ours_)
    if any(is_ours_ for is_ours_, _, _ in parts):
        if parts[0][0]:
            expected = expected.lstrip(b" \t")
        assert cut(header, NAMES) == (expected if expected.strip(b" \t") else None)
    else:
        assert cut(header, NAMES) == header


def test_a_cookie_header_is_taken_apart_once():
    header = b"a=1; footfall=x; __Host-footfall=y; footfall=z; footfall_consent=out; footfall_consent=in"
    apart = SIGNER.take_apart(header)
    assert apart == CookieHeader(b"a=1; footfall_consent=out; footfall_consent=in", (b"x", b"z"), (b"y",), b"out", True)
    assert SIGNER.take_apart(header) is apart
    long = header + b"; b=" + b"x" * 2000
    assert SIGNER.take_apart(long) == SIGNER.take_apart(long)
    assert SIGNER.take_apart(long).values_http == (b"x", b"z")


SETS = [
    (b"footfall=1; Path=/", True),
    (b" footfall =1", True),
    (b"__Host-footfall=1", True),
    (b"footfall", True),
    (b"footfallx=1", False),
    (b"a=1; footfall=2", False),
    (b"", False),
]


@pytest.mark.parametrize(("value", "expected"), SETS)
def test_f7_only_an_upstream_cookie_of_our_name_is_ours(value, expected):
    assert is_ours(value, NAMES) is expected


def test_f7_what_opens_the_report_is_not_for_the_site():
    apart = SIGNER.take_apart(b"a=1; footfall_report=secret; b=2")
    assert (apart.rest, apart.is_cut) == (b"a=1; b=2", True)
    assert (SIGNER.take_apart(b"a=1; b=2").rest, SIGNER.take_apart(b"a=1; b=2").is_cut) == (b"a=1; b=2", False)
    assert REPORT_NAME.decode() == COOKIE


def test_an_erased_visitors_cookie_is_no_cookie_also_where_it_was_believed_a_moment_ago():
    erased = Erased((OLD.secret,))
    signer = CookieSigner((OLD,), erased=erased)
    values = [signer.value(uuid, DAY) for uuid in (UUID, b"somebody else's.")]
    assert None not in [signer.read([value], NOW) for value in values]
    erased.put(erased.marks(UUID))
    assert [signer.read([value], NOW) is None for value in values] == [True, False]
    assert signer.read(values, NOW) == Identity(b"somebody else's.", DAY, False)
    erased.put([])
    assert signer.read(values, NOW) == Identity(UUID, DAY, False)
