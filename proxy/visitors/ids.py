"""Page ids and event ids.

Law: a page id is not secret and names no visitor; it is only unforgeable. Ids that the server makes begin with
their time (UUID version 7, RFC 9562 section 5.7), so that a store's id index grows at its right edge instead of
touching a random page of it for every event.
"""

import hashlib
import hmac
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from proxy.visitors.times import MINUTE_MS

PAGE_ID_CHARS = 43
_VERSION = b"\x01"
_COUNTED = 0x01
_VISITOR_NEW = 0x02
_ASLEEP = 0x04
_MAC_BYTES = 10
_BODY_BYTES = 22
_RANDOM_BITS = 0x0FFF_3FFF_FFFF_FFFF_FFFF
_VERSION_7 = 0x7000_8000_0000_0000_0000
_VERSION_8 = 0x8000_8000_0000_0000_0000

_END_OF_SESSION = uuid.UUID("6f2b4a0e-5d0c-5f0a-9a55-3f9a3b1f4a10")
_RESULT_OF_FORM = uuid.UUID("8d3c3a52-6f54-5b0e-9c58-0f6e5a0f2c21")
_BOT = uuid.UUID("0f1c8f0e-7b8e-5d07-8e8e-2f6c7f1f9d55")


class PageId(NamedTuple):
    """What the tag says about its page: the page.visit's `id` (16 bytes), whether the server `counted` the visit,
    whether its visitor was new at it, the `issued_minute` (Unix minutes), and whether the tracker is `asleep` until
    the visitor agrees (VISITS.md section 4)."""

    id: bytes
    counted: bool
    visitor_new: bool
    issued_minute: int
    asleep: bool = False

    @property
    def issued_ms(self) -> int:
        """Start of the minute in which the id was issued, UTC milliseconds."""
        return self.issued_minute * MINUTE_MS


class _Mac:
    """HMAC-SHA256 with one key (RFC 2104), whose two key blocks are hashed once: a third of the cost of `hmac.digest`,
    which begins with the key for every page (1.9 -> 0.6 us)."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, body: bytes) -> bytes:
        """The first bytes of the code, as many as a page id carries."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()[:_MAC_BYTES]


class PageIds:
    """Signs and verifies page ids with one secret (VISITS.md section 3)."""

    __slots__ = ("_macs",)

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._macs = tuple(_Mac(hashlib.sha256(b"footfall page id\0" + secret).digest()) for secret in secrets)

    def sign(self, event: bytes, counted: bool, visitor_new: bool, issued_minute: int, asleep: bool = False) -> bytes:
        """The 43 characters of `data-page`, from what a `PageId` holds, in its order."""
        flags = (_COUNTED if counted else 0) | (_VISITOR_NEW if visitor_new else 0) | (_ASLEEP if asleep else 0)
        body = _VERSION + event + (flags << 32 | issued_minute).to_bytes(5, "big")
        return urlsafe_b64encode(body + self._macs[0].digest(body))[:PAGE_ID_CHARS]

    def read(self, text: str) -> PageId | None:
        """The page id in `text`, or None where it is malformed or not signed by us."""
        if len(text) != PAGE_ID_CHARS or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text + "=")
        except ValueError:
            return None
        body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if len(mac) != _MAC_BYTES or body[:1] != _VERSION:
            return None
        if not any(hmac.compare_digest(known.digest(body), mac) for known in self._macs):
            return None
        flags, minute = body[17], int.from_bytes(body[18:22], "big")
        return PageId(body[1:17], bool(flags & _COUNTED), bool(flags & _VISITOR_NEW), minute, bool(flags & _ASLEEP))


def event_id(now_ms: int, random: bytes) -> bytes:
    """A time-ordered event id of 16 bytes (UUID version 7) from the time and 10 random bytes."""
    return (now_ms << 80 | int.from_bytes(random, "big") & _RANDOM_BITS | _VERSION_7).to_bytes(16, "big")


def session_id(start_ms: int, opened_by: bytes) -> bytes:
    """The id of a session, and of its session.start: time-ordered as an `event_id`, and of a version of its own (8), so
    that nobody else can have made it (events/incoming.py). It follows from what opened the session, and whose it is."""
    digest = int.from_bytes(hashlib.sha256(b"footfall session\0" + opened_by).digest()[:10], "big")
    return (start_ms << 80 | digest & _RANDOM_BITS | _VERSION_8).to_bytes(16, "big")


def time_of(event: bytes) -> int:
    """The time, Unix ms, that an event's id begins with; of an id that begins with none, whatever its bytes are."""
    return int.from_bytes(event[:6], "big")


def visitor_id(random: bytes) -> bytes:
    """A visitor's uuid of 16 bytes (UUID version 4) from 16 random bytes."""
    return _uuid(4, random)


def turn_id(made: bytes) -> bytes:
    """A visitor's uuid that follows from 16 bytes, of which the first 6 stay: of a version of its own (8)."""
    return _uuid(8, made)


def is_turn(visitor: bytes) -> bool:
    """Whether a uuid is one of those."""
    return visitor[6] >> 4 == 8


def _uuid(version: int, raw: bytes) -> bytes:
    return bytes((*raw[:6], version << 4 | (raw[6] & 0x0F), raw[7], 0x80 | (raw[8] & 0x3F), *raw[9:16]))


def session_end_id(session: bytes) -> bytes:
    """The id of a session's `session.end`: it follows from the session's id, so that it can exist only once."""
    return uuid.uuid5(_END_OF_SESSION, session.hex()).bytes


def result_id(submit: bytes) -> bytes:
    """The id of a form.result: it follows from that of its form.submit, which has one at most."""
    return uuid.uuid5(_RESULT_OF_FORM, submit.hex()).bytes


def bot_id(user_agent: str) -> bytes:
    """A crawler's uuid: it follows from its User-Agent, so that a crawler is one visitor of its lane."""
    return uuid.uuid5(_BOT, user_agent).bytes


def text_of(raw: bytes) -> str:
    """The UUID text of 16 bytes: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_uuid(text: str) -> bytes | None:
    """The 16 bytes of a UUID's text (hyphens optional, any version), or None."""
    digits = text.replace("-", "")
    if len(text) > 36 or len(digits) != 32:
        return None
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return None
    return raw if len(raw) == 16 else None  # fromhex skips white space
