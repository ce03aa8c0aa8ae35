"""The opening handshake as a table, and the goodbye between two frames at every split point."""

import random

import pytest

from proxy.fieldlist import FieldList
from proxy.http.websocket import (
    Direction,
    accept_of,
    asks_for_websocket,
    close_frame,
    handshake_fault,
    is_accepted,
    upgrading,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE, CONNECTION = (b"upgrade", b"websocket"), (b"connection", b"Upgrade")
VERSION, NONCE = (b"sec-websocket-version", b"13"), (b"sec-websocket-key", KEY)
GOODBYE = close_frame(1001)


def test_w1_the_accept_is_that_of_the_rfcs_example() -> None:
    assert accept_of(KEY) == ACCEPT


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ([UPGRADE, CONNECTION], True),
        ([(b"upgrade", b"h2c, WebSocket"), (b"connection", b"keep-alive, upgrade")], True),
        ([UPGRADE, (b"connection", b"close"), CONNECTION], True),
        ([UPGRADE], False),
        ([UPGRADE, (b"connection", b"upgraded")], False),
        ([(b"upgrade", b"h2c"), CONNECTION], False),
        ([(b"upgrade", b"xwebsocket"), CONNECTION], False),
        ([(b"upgrade", b"websocket/13"), CONNECTION], False),
        ([CONNECTION], False),
    ],
)
def test_f5_who_asks_for_a_websocket(fields: list[tuple[bytes, bytes]], asks: bool) -> None:
    assert asks_for_websocket(FieldList.of(fields)) is asks


@pytest.mark.parametrize(
    ("method", "fields", "status"),
    [
        ("GET", [VERSION, NONCE], None),
        ("GET", [VERSION, NONCE, (b"content-length", b"0")], None),
        ("GET", [VERSION, NONCE, (b"content-length", b"5")], 400),
        ("GET", [VERSION, NONCE, (b"content-length", b"00")], 400),
        ("GET", [VERSION, NONCE, (b"transfer-encoding", b"chunked")], 400),
        ("POST", [VERSION, NONCE], 400),
        ("HEAD", [VERSION, NONCE], 400),
        ("GET", [NONCE], 426),
        ("GET", [(b"sec-websocket-version", b"8"), NONCE], 426),
        ("GET", [(b"sec-websocket-version", b"777"), NONCE], 426),
        ("GET", [(b"sec-websocket-version", b"13, 8"), NONCE], 426),
        ("GET", [VERSION, VERSION, NONCE], 426),
        ("GET", [VERSION], 400),
        ("GET", [VERSION, NONCE, NONCE], 400),
        ("GET", [VERSION, (b"sec-websocket-key", b"")], 400),
        ("GET", [VERSION, (b"sec-websocket-key", KEY[:-4])], 400),
        ("GET", [VERSION, (b"sec-websocket-key", b"A" * 24)], 400),
        ("GET", [VERSION, (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25j\xff\xff==")], 400),
        ("GET", [VERSION, (b"sec-websocket-key", KEY + b"A")], 400),
    ],
)
def test_w1_a_handshake_is_one_or_is_refused(
    method: str, fields: list[tuple[bytes, bytes]], status: int | None
) -> None:
    fault = handshake_fault(method, FieldList.of(fields))
    assert (fault and fault[0]) == status


ANSWER = [UPGRADE, CONNECTION, (b"sec-websocket-accept", ACCEPT)]


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        (ANSWER, True),
        ([(b"upgrade", b"WebSocket"), (b"connection", b"keep-alive, upgrade"), ANSWER[2]], True),
        ([UPGRADE, CONNECTION], False),
        ([UPGRADE, CONNECTION, (b"sec-websocket-accept", ACCEPT.lower())], False),
        ([*ANSWER, ANSWER[2]], False),
        (ANSWER[1:], False),
        ([UPGRADE, ANSWER[2]], False),
        ([(b"upgrade", b"h2c"), *ANSWER[1:]], False),
        ([(b"upgrade", b"websocket, h2c"), *ANSWER[1:]], False),
        ([*ANSWER, (b"transfer-encoding", b"chunked")], False),
    ],
)
def test_w1_a_101_answers_the_handshake_or_is_none(fields: list[tuple[bytes, bytes]], accepted: bool) -> None:
    assert is_accepted(FieldList.of(fields), ACCEPT) is accepted


def test_f5_upstream_is_offered_websocket_alone() -> None:
    head = upgrading(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert head == b"GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"


def test_s5_a_close_frame_is_masked_for_a_server_and_bare_for_a_client() -> None:
    assert close_frame(1001) == b"\x88\x02\x03\xe9"
    assert close_frame(1001, b"\x01\x02\x03\x04") == b"\x88\x82\x01\x02\x03\x04\x02\xeb"


def frame(opcode: int, payload: bytes, *, mask: bytes = b"", last: bool = True) -> bytes:
    """With the payload as it is, masked or not: nobody looks at it."""
    size, flag = len(payload), 0x80 if mask else 0
    if size < 126:
        length = bytes((size | flag,))
    else:
        length = bytes((126 | flag,)) + size.to_bytes(2, "big")
        if size == 0xFFFF:
            length = bytes((127 | flag,)) + size.to_bytes(8, "big")
    return bytes((opcode | (0x80 if last else 0),)) + length + mask + payload


FRAMES = [
    frame(1, b""),
    frame(1, b"hello", last=False),
    frame(9, b"x" * 125, mask=b"mask"),
    frame(0, b"y" * 126),
    frame(2, b"z" * 300, mask=b"\0\0\0\0"),
    frame(0x42, b"compressed"),
]
STREAM = b"".join(FRAMES)
ENDS = [len(b"".join(FRAMES[:count])) for count in range(len(FRAMES) + 1)]


def boundary(position: int) -> int:
    return next(end for end in ENDS if end >= position)


def test_w1_bytes_pass_as_they_are_at_every_split() -> None:
    for split in range(len(STREAM) + 1):
        direction = Direction(GOODBYE)
        assert direction.feed(STREAM[:split]) + direction.feed(STREAM[split:]) == STREAM
        assert not direction.has_closed


def test_s5_frames_are_followed_the_same_in_any_pieces() -> None:
    rng = random.Random(11)
    for _ in range(300):
        frames = [frame(1, bytes(rng.choice((0, 1, 50, 125, 126, 400))), mask=b"mask"[: rng.choice((0, 4))])]
        while rng.random() < 0.9:
            frames.append(frame(2, bytes(rng.choice((0, 1, 2, 50, 125, 126, 400))), mask=b"mask"[: rng.choice((0, 4))]))
        stream = b"".join(frames)
        ends = [len(b"".join(frames[:count])) for count in range(len(frames) + 1)]
        position, direction, sent = 0, Direction(GOODBYE), b""
        stop = rng.randrange(len(stream) + 1)
        while position < stop:
            size = min(rng.choice((1, 5, 14, 30, 200)), stop - position)
            sent += direction.feed(stream[position : position + size])
            position += size
        sent += direction.stop() + direction.feed(stream[stop:])
        assert sent == stream[: next(end for end in ends if end >= stop)] + GOODBYE


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_s5_the_goodbye_comes_between_two_frames_wherever_it_is_asked_for(step: int) -> None:
    for position in range(len(STREAM) + 1):
        direction = Direction(GOODBYE)
        sent = direction.feed(STREAM[:position]) + direction.stop()
        for start in range(position, len(STREAM), step):
            sent += direction.feed(STREAM[start : start + step])
        assert sent == STREAM[: boundary(position)] + GOODBYE


def test_s5_behind_a_close_frame_of_theirs_comes_none_of_ours() -> None:
    hello, theirs = frame(1, b"hello"), frame(8, b"\x03\xe8bye")
    stream = hello + theirs
    for position in range(len(stream) + 1):
        direction = Direction(GOODBYE)
        sent = direction.feed(stream[:position]) + direction.stop() + direction.feed(stream[position:])
        if position == 0:
            assert sent == GOODBYE
        elif position <= len(hello):
            assert sent == hello + GOODBYE
        else:
            assert sent == stream


def test_w1_long_frames_and_nonsense_are_followed_without_harm() -> None:
    long = frame(2, b"x" * 0xFFFF)
    direction = Direction(GOODBYE)
    assert direction.feed(long) + direction.stop() == long + GOODBYE
    rng = random.Random(7)
    for _ in range(200):
        noise = rng.randbytes(rng.randrange(1, 200))
        direction = Direction(GOODBYE)
        assert direction.feed(noise) == noise
