"""Integrity-Policy, read as browsers read it: each of these was asked of Chromium 156."""

import time

import pytest

from proxy.page.integrity import blocks_scripts

TURNS = 3
"""Of which the best counts: even CPU is slower beside somebody else's."""

BLOCKING = [
    [b"blocked-destinations=(script)"],
    [b"blocked-destinations=(script), sources=(inline)"],
    [b"blocked-destinations=(script), sources=(other inline)"],
    [b"blocked-destinations=(style script), endpoints=(a)"],
    [b"blocked-destinations=(script style unknown)"],
    [b"blocked-destinations=(script);a=1"],
    [b"blocked-destinations=( script  )"],
    [b"blocked-destinations=(script;p=1)"],
    [b"blocked-destinations=(script)", b"x=1"],
    [b"blocked-destinations=(style)", b"blocked-destinations=(script)"],
    [b'blocked-destinations=(script), x="blocked-destinations=(style)"'],
    [b"sources=(other), blocked-destinations=(script), sources=(inline)"],
    [b"a, b=?1 , \tblocked-destinations=(script),c;d"],
]
PASSING = [
    [],
    [b""],
    [b"blocked-destinations"],
    [b"blocked-destinations=()"],
    [b"blocked-destinations=(style)"],
    [b"blocked-destinations=script"],
    [b'blocked-destinations=("script")'],
    [b"blocked-destinations=(SCRIPT)"],
    [b"Blocked-Destinations=(script)"],
    [b"blocked-destinations = (script)"],
    [b"blocked-destinations=(script),"],
    [b"blocked-destinations=(script), !"],
    [b"blocked-destinations=(script"],
    [b"blocked-destinations=(script)x"],
    [b"blocked-destinations=(script) x"],
    [b"blocked-destinations=(style;script)"],
    [b"blocked-destinations=(script), sources=()"],
    [b"blocked-destinations=(script), sources=(other)"],
    [b"blocked-destinations=(script) , sources=(other)"],
    [b"blocked-destinations=(script), sources=inline"],
    [b"blocked-destinations=(script), blocked-destinations=(style)"],
    [b'x="a, blocked-destinations=(script)"'],
    [b"blocked-destinations=(script)", b"=1"],
]


@pytest.mark.parametrize("values", BLOCKING, ids=repr)
def test_scripts_without_integrity_are_blocked(values):
    assert blocks_scripts(values)


@pytest.mark.parametrize("values", PASSING, ids=repr)
def test_scripts_without_integrity_run(values):
    assert not blocks_scripts(values)


@pytest.mark.parametrize(
    "piece", [b"a", b"a,", b"a=(", b"(", b"a;", b"a=(b ", b"a=(b;c ", b'"', b'a="\\"', b" ", b"a ;"]
)
def test_a_hostile_value_takes_no_time(piece):
    assert min(seconds(piece) for _ in range(TURNS)) < 0.5


def seconds(piece):
    """Of CPU, of this thread: what else the machine does takes no part of them."""
    started = time.thread_time()
    blocks_scripts([b"a=(" + piece * (128 * 1024 // len(piece))])
    blocks_scripts([piece * (128 * 1024 // len(piece))])
    return time.thread_time() - started
