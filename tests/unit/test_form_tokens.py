"""Tokens of forms: of one visitor, one site, one hour; nobody else's, nobody's invention."""

import itertools

import pytest

from proxy.visitors.formtokens import TOKEN_CHARS, VALID_MINUTES, FormTokens
from proxy.visitors.times import MINUTE_MS

NOW = 1_700_000_040_000
ANN, BOB = b"a" * 16, b"b" * 16
SITE, OTHER = b"https://shop.example", b"https://shop.example.evil"
TOKENS = FormTokens([b"new secret", b"old secret"])


def test_a_token_is_good_for_whom_and_where_it_was_made():
    for uuid, site in itertools.product((ANN, BOB, None), (SITE, OTHER)):
        token = TOKENS.sign(uuid, site, NOW)
        assert len(token) == TOKEN_CHARS
        good = [
            pair for pair in itertools.product((ANN, BOB, None), (SITE, OTHER)) if TOKENS.is_good(token, *pair, NOW)
        ]
        assert good == [(uuid, site)]


def test_a_token_names_nobody():
    raw = TOKENS.sign(ANN, SITE, NOW)
    assert "a" * 8 not in raw and ANN.hex()[:16] not in raw
    # Nobody's token is not that of a visitor whose uuid is zeros: no such uuid is ever made (ids.py, visitor_id).
    assert TOKENS.sign(None, SITE, NOW) != TOKENS.sign(ANN, SITE, NOW)


@pytest.mark.parametrize(
    ("minutes", "good"), [(-2, False), (-1, True), (0, True), (VALID_MINUTES, True), (VALID_MINUTES + 1, False)]
)
def test_a_token_is_good_for_an_hour(minutes, good):
    token = TOKENS.sign(ANN, SITE, NOW)
    assert TOKENS.is_good(token, ANN, SITE, NOW + minutes * MINUTE_MS) is good


def test_a_retired_key_verifies_and_one_that_is_gone_does_not():
    old = FormTokens([b"old secret"]).sign(ANN, SITE, NOW)
    assert TOKENS.is_good(old, ANN, SITE, NOW)
    assert not FormTokens([b"new secret"]).is_good(old, ANN, SITE, NOW)
    assert FormTokens([b"new secret"]).is_good(TOKENS.sign(ANN, SITE, NOW), ANN, SITE, NOW)


def test_no_character_of_a_token_can_be_another_one():
    token = TOKENS.sign(ANN, SITE, NOW)
    for place in range(TOKEN_CHARS):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert not TOKENS.is_good(changed, ANN, SITE, NOW)


@pytest.mark.parametrize("token", ["", "A" * 27, "A" * 28, "A" * 29, "é" * 28, "*" * 28, "=" * 28, "\0" * 28])
def test_what_is_no_token_is_none(token):
    assert not TOKENS.is_good(token, ANN, SITE, NOW)
