"""What is never captured: names and values that give away a secret, whoever sends them.

Law: `why_sensitive` says the reason and never repeats the text; it takes linear time, whatever the text is. The same
rules are the tracker's; the cases both must agree on are tests/data/sensitive_cases.json (EVENTS.md section 5, "Never
captured"). Here they are a little wider: what only a forger would send is looked at as well.
"""

import itertools
import re
import unicodedata
from string import ascii_letters

SENSITIVE_WORDS = frozenset(
    "password passwd pwd pass passcode passphrase pin otp mfa secret token csrf cvc cvv csc card cardnumber ccnum "
    "creditcard iban ssn pesel socialsecurity routing".split()
)
"""Whole words that make a field or query name sensitive (EVENTS.md section 5)."""

REASONS = frozenset("password hidden file autocomplete word card ssn iban jwt pem".split())
"""Why a field was not read, in the words of `skipped`; the last four are also what `why_sensitive` answers."""
OTHER_REASON = "other"

CARD_MIN_DIGITS = 13
CARD_MAX_DIGITS = 19
"""Of a payment card's number (ISO/IEC 7812-1)."""
CARD_APART_CHARS = 3
"""Between two groups of it, at most, as in "4111 / 1111"."""
IBAN_MIN_CHARS = 15
"""Norway's; the longest that ISO 13616 allows has 34."""
IBAN_MIN_DIGITS = 8
"""Every country's have more. One sentence in 97 has the right check: "AB12 is a postcode" has."""
NUMBER_MIN = 2 * 10 ** (CARD_MIN_DIGITS - 1)
"""Less than this has too few digits for a card's, or is a clock's: Unix ms until 2033. One in ten would pass Luhn's
check, and no card of 13 digits starts with 1."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^A-Za-z]+")
_SUSPECT = re.compile(r"\d[^\d]?\d[^\d]?\d|[A-Za-z]{2}\d\d|eyJ|-----BEGIN", re.ASCII)
"""Whatever is sensitive has one of these; nearly all texts have none, and are done."""
_CARD_DIGITS = re.compile(rf"(?:[0-9][^0-9]{{0,{CARD_APART_CHARS}}}){{{CARD_MIN_DIGITS - 1}}}[0-9]")
"""A card's number, however it is written, has so many digits this close to each other; most texts with digits have not,
and are done with cards."""
_JOINTS = r" .\-\u2010-\u2015\u2212"
_DIGITS = re.compile(rf"[0-9]++(?:[{_JOINTS}][0-9]++)*+")
_CARD_SPELLING = re.compile(
    r"(?<![0-9])(?=("
    r"[0-9]{13,19}+|(?:[0-9]{4}[ .-]){3}[0-9]{4}|[0-9]{4}[ .-][0-9]{6}[ .-][0-9]{4,5}+"
    r")(?![0-9]))"
)
"""A card's usual spellings, also inside a longer run, such as that of its number and its date."""
_CARD_APART = re.compile(
    rf"(?<![0-9])(?=((?!20)[2-6][0-9]{{3}}([\s_/{_JOINTS}]{{1,{CARD_APART_CHARS}}})"
    r"(?:[0-9]{4}\2[0-9]{4}\2[0-9]{4}|[0-9]{6}\2[0-9]{4,5}+)"
    r")(?![0-9]))"
)
"""The same with more between the groups. Other numbers are written so too: hence the same between all of them, and a
first digit of cards that people pay with (ISO/IEC 7812-1: 2 to 6, and none has 20, as years do)."""
_SPACES = re.compile(rf"(?<![^\S\r\n])[^\S\r\n]{{2,{CARD_APART_CHARS}}}(?![^\S\r\n])")
"""Two or three blanks, which are taken for one."""
_SSN = re.compile(r"(?<![0-9])(?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![0-9])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}[0-9]{2})((?:[ -]?[A-Za-z0-9]){11,30}+)([A-Za-z0-9]?))")
"""An IBAN's first four characters, as many more as it may have, and whether the last word goes on."""
_JWT = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]++)(?=\.[A-Za-z0-9_-]{5,}+\.)")
"""The first of three parts, whole, so that no text is walked through twice."""
_JWT_HEAD = re.compile(r"\beyJ[A-Za-z0-9_-]{5}", re.ASCII)
"""base64url of `{"` and more."""
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}-----")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_IBAN_DIGITS = {ord(char): str(int(char, 36)) for char in ascii_letters}


def words_of(name: str) -> frozenset[str]:
    """The lower-case words of a field's name: split at whatever is no letter and at camelCase; and all as one.

    `passenger` and `experience` stay one harmless word each; `cardNumber`, `CSRFToken`, `x-api-token`, `cvv2` do not.
    """
    parts = (*_NOT_WORD.split(_CAMEL.sub(" ", name)), _NOT_WORD.sub("", name))
    return frozenset(part.lower() for part in parts if part)


def is_sensitive_name(name: str) -> bool:
    """Whether a field of this name is never captured: one of its whole words is of SENSITIVE_WORDS."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    return not SENSITIVE_WORDS.isdisjoint(words_of(name))


def why_sensitive(text: str, *, is_own_number: bool = False) -> str | None:
    """The reason why this text may not be kept (`card`, `ssn`, `iban`, `jwt`, `pem`), or None.

    Found anywhere in the text: 13 to 19 digits that pass Luhn's check (single spaces, dots, hyphens between them; in a
    card's usual groups also slashes and underscores, and up to three of all these), the shape of a US social security
    number, an IBAN whose check digits are right, a JSON web token, a PEM header.

    `is_own_number`: the text is a number that the sender gave to something of its own, such as an order: one in ten of
    that length passes Luhn's check, so that only what is grouped as on a card is taken for a card's.
    """
    if not text.isascii():
        text = _in_ascii_digits(text)
    if _SUSPECT.search(text) is None:
        return None
    # Before cards: the digits inside an IBAN may pass for one.
    if any(_is_iban(*match.groups()) for match in _IBAN.finditer(text)):
        return "iban"
    if _has_card(text, is_own_number=is_own_number):
        return "card"
    if _SSN.search(text):
        return "ssn"
    if any(_JWT_HEAD.search(match[1]) for match in _JWT.finditer(text)):
        return "jwt"
    return "pem" if _PEM.search(text) else None


def is_article_number(text: str) -> bool:
    """Whether this is a GTIN of 13 or 14 digits, whose own check digit is right (GS1 General Specifications, 7.9)."""
    if len(text) not in (13, 14) or not (text.isascii() and text.isdecimal()):
        return False
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(text))) % 10 == 0


def why_sensitive_number(number: int | float) -> str | None:
    """`why_sensitive` for a number: only one that is whole can be a card's."""
    if -NUMBER_MIN < number < NUMBER_MIN:
        return None
    if isinstance(number, float):
        if not number.is_integer():
            return None
        number = int(number)
    return why_sensitive(str(abs(number))) if abs(number) < 10**CARD_MAX_DIGITS else None


def _in_ascii_digits(text: str) -> str:
    """Full-width, Arabic and other digits are digits too."""
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"\d", lambda match: str(int(match[0])), text)


def _has_card(text: str, *, is_own_number: bool) -> bool:
    if _CARD_DIGITS.search(text) is None:
        return False
    text, apart = _SPACES.sub(" ", text), _CARD_APART.finditer
    if is_own_number:
        return any(_is_card(spelling[1]) for spelling in apart(text))
    if any(_is_card(run[0]) for run in _DIGITS.finditer(text)):
        return True
    return any(_is_card(spelling[1]) for spelling in itertools.chain(_CARD_SPELLING.finditer(text), apart(text)))


def _is_card(run: str) -> bool:
    digits = [int(char) for char in run if char.isdigit()]
    return CARD_MIN_DIGITS <= len(digits) <= CARD_MAX_DIGITS and _passes_luhn(digits)


def _passes_luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1, annex B."""
    return (sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0


def _is_iban(head: str, rest: str, overrun: str) -> bool:
    """Whether this starts with an IBAN: 15 to 34 characters, up to the end of one of its words.

    ISO 13616: letters count from 10, the first four characters come last, the rest by 97 is 1.
    """
    if sum(map(rest.count, "0123456789")) < IBAN_MIN_DIGITS:
        return False
    words = rest.replace("-", " ").split()
    tail, chars, remainder = head.translate(_IBAN_DIGITS), len(head), 0
    for word in words[:-1] if overrun else words:
        chars += len(word)
        remainder = int(f"{remainder}{word.translate(_IBAN_DIGITS)}") % 97
        if chars >= IBAN_MIN_CHARS and int(f"{remainder}{tail}") % 97 == 1:
            return True
    return False
