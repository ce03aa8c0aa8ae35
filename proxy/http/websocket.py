"""What a proxy must know of WebSockets: the opening handshake, judged both ways, and where frames end (RFC 6455).

Law: pure. Only a handshake that is one passes: whoever lets half of one through opens a tunnel that one side takes
for HTTP, and requests are smuggled in it. What flows afterwards is never changed: messages, fragments, compression and
close codes are the two ends' own affair. Frames are followed for one purpose, to say goodbye between two of them.
"""

import base64
import binascii
import hashlib

from proxy.fieldlist import FieldList

VERSION = b"13"  # RFC 6455 4.1; the drafts before it (0, 7, 8) are gone from browsers since 2012
GOING_AWAY = 1001  # 7.4.1
SWITCHING = 101

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # 1.3
_NONCE_BYTES = 16  # of the key; 4.1
_KEY_BYTES = 24  # the nonce in base64
_HEADER_BYTES = (2, 4, 10)  # of a frame without mask: lengths below 126, in 16 bits, in 64 bits; 5.2
_MASK_BYTES = 4
_LONGEST_HEADER_BYTES = 14
_CLOSE = 8


def _tokens(fields: FieldList, name: bytes) -> set[bytes]:
    return {token.strip(b" \t").lower() for value in fields.values(name) for token in value.split(b",")}


def asks_for_websocket(fields: FieldList) -> bool:
    """Upgrade alone is nothing: Connection must name it (RFC 9110 7.8)."""
    return b"websocket" in _tokens(fields, b"upgrade") and b"upgrade" in _tokens(fields, b"connection")


def handshake_fault(method: str, fields: FieldList) -> tuple[int, str] | None:
    """(status, reason) for what asks for a WebSocket and is no handshake (4.2.1), or None."""
    if b"transfer-encoding" in fields.by_name or set(fields.values(b"content-length")) - {b"0"}:
        # Nobody agrees on whether a body follows that head or the new protocol.
        return 400, "A WebSocket handshake has no body."
    if method != "GET":
        return 400, "A WebSocket handshake is a GET."
    versions = fields.values(b"sec-websocket-version")
    if versions != [VERSION]:
        return 426, "Only version 13 of the WebSocket protocol is spoken here."
    keys = fields.values(b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return 400, "The Sec-WebSocket-Key header is missing or malformed."
    return None


def _is_key(value: bytes) -> bool:
    if len(value) != _KEY_BYTES:
        return False
    try:
        return len(base64.b64decode(value, validate=True)) == _NONCE_BYTES
    except binascii.Error:
        return False


def accept_of(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers `key` (4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def upgrading(head: bytes) -> bytes:
    """A head for upstream, with its upgrade put in again: `websocket` and no other, whatever else was offered (F5)."""
    return head[:-2] + b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n"


def is_accepted(fields: FieldList, accept: bytes) -> bool:
    """Whether a 101 with these fields answers the handshake that `accept` belongs to (4.1, and RFC 9112 6.1: no
    transfer coding). Subprotocol and extensions are for the visitor to judge, who has asked for them."""
    return (
        fields.values(b"sec-websocket-accept") == [accept]
        and _tokens(fields, b"upgrade") == {b"websocket"}
        and b"upgrade" in _tokens(fields, b"connection")
        and b"transfer-encoding" not in fields.by_name
    )


def close_frame(code: int, mask: bytes = b"") -> bytes:
    """A Close frame; a client's is masked with 4 bytes of `mask` (5.3, 5.5.1)."""
    payload = code.to_bytes(2, "big")
    if not mask:
        return b"\x88\x02" + payload
    return b"\x88\x82" + mask + bytes(byte ^ key for byte, key in zip(payload, mask, strict=False))


class Direction:
    """One direction of a tunnel. Bytes pass as they are until `stop`; from then on only the rest of the frame under
    way, a Close frame, and nothing more. Where a Close frame has passed already, none of ours follows it."""

    __slots__ = ("_ended", "_goodbye", "_header", "_left", "_stopping", "has_closed")

    def __init__(self, goodbye: bytes) -> None:
        self._goodbye = goodbye
        self._header = b""  # of a frame, as far as it has come
        self._left = 0  # bytes of payload still to come
        self._stopping = False
        self._ended = False
        self.has_closed = False

    def feed(self, data: bytes) -> bytes:
        """What of `data` goes on, with the goodbye if it is due."""
        if self._ended:
            return b""
        position, size = 0, len(data)
        if not self._stopping and not self._header:
            position = self._skim(data)
        while position < size:
            position = self._step(data, position)
            if self._stopping and self._is_between():
                return data[:position] + self._end()
        return data

    def stop(self) -> bytes:
        """What is to be sent now: the goodbye, or nothing where it has to wait, or comes too late."""
        self._stopping = not self.has_closed
        return self._end() if self._stopping and self._is_between() else b""

    def _end(self) -> bytes:
        self._ended = True
        return b"" if self.has_closed else self._goodbye

    def _is_between(self) -> bool:
        return not self._left and not self._header

    def _skim(self, data: bytes) -> int:
        """Follows all frames but what the last bytes may hold; a visitor may send a hundred thousand a second."""
        position, size = self._left, len(data)
        while position <= size - _LONGEST_HEADER_BYTES:
            second = data[position + 1]
            length = second & 0x7F
            if data[position] & 0x0F == _CLOSE:
                self.has_closed = True
            if length >= 126:
                extra = 2 if length == 126 else 8
                length = int.from_bytes(data[position + 2 : position + 2 + extra], "big") + extra
            position += (6 if second & 0x80 else 2) + length
        self._left = max(0, position - size)
        return min(position, size)

    def _step(self, data: bytes, position: int) -> int:
        """The position behind the next piece of header or payload."""
        if self._left:
            step = min(self._left, len(data) - position)
            self._left -= step
            return position + step
        known = len(self._header)
        self._header += data[position : position + _header_length(self._header) - known]
        position += len(self._header) - known
        if len(self._header) == _header_length(self._header):
            self._left = _payload_length(self._header)
            self.has_closed = self.has_closed or self._header[0] & 0x0F == _CLOSE
            self._header = b""
        return position


def _header_length(header: bytes) -> int:
    """Bytes of a whole header, as far as its beginning tells: first the two that tell all."""
    if len(header) < 2:
        return 2
    kind = max(0, (header[1] & 0x7F) - 125)
    return _HEADER_BYTES[kind] + (_MASK_BYTES if header[1] & 0x80 else 0)


def _payload_length(header: bytes) -> int:
    length = header[1] & 0x7F
    return length if length < 126 else int.from_bytes(header[2 : 4 if length == 126 else 10], "big")
