"""The soak runs with all its parts for a quarter of a minute: verdicts come out, and those that depend neither on how
long it ran nor on who else was busy must be good. It finds out what the machine can do, and so is in the way of every
test beside it: it runs only where it is asked for."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from test_benchmarks import working_in
from whole import NGINX
from wire import ROOT, eventually

from benchmarks.command import GOOD, PROBLEM, USAGE
from benchmarks.soak.mix import KINDS
from benchmarks.soak.watching import Family, look

SECONDS = 150.0
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
BY_CHANCE = ("answers a second", "memory of each", "complaints")
"""What a busy machine or so short a time may spoil: memory still grows, and a page may have waited for the disk."""


def soak(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.soak", *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def tables(text: str) -> list[list[list[str]]]:
    """Each with its cells, without its rule."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    lines = [[[cell.strip() for cell in line.strip("|").split("|")] for line in one.splitlines()] for one in found]
    return [[*table[:1], *table[2:]] for table in lines]


@pytest.mark.skipif(not os.environ.get("FOOTFALL_TEST_SOAK"), reason="FOOTFALL_TEST_SOAK=1 runs it: it takes all cores")
@needs_nginx
def test_a_quarter_of_a_minute_is_judged_line_by_line(tmp_path):
    kept = tmp_path / "samples.json"
    ran = soak("--minutes", "0.25", "--stalled", "3", "--keep", str(kept), TMPDIR=str(tmp_path))
    assert ran.returncode in (GOOD, PROBLEM), ran.stderr
    asked, besides, memory, verdicts = tables(ran.stdout)
    assert [line[0] for line in asked[1:]] == [*(kind.title for kind in KINDS), "*all*"]
    assert all(line[2] == line[3] != "0" for line in asked[1:])
    assert {line[0] for line in besides[1:]} >= {"stalled", "WebSocket opened", "left in the middle of a head"}
    assert memory[0][0] == "MB, medians" and len(memory) == 7
    untold = [line[0] for line in verdicts[1:] if line[3] == "too short to tell"]
    assert untold == ["memory, from the early minutes to the last", "private memory, the same"]
    bad = [line for line in verdicts[1:] if line[3] == "NOT GOOD"]
    assert not [line for line in bad if not line[0].startswith(BY_CHANCE)]
    assert len(verdicts) == 16 and (ran.returncode == GOOD) == (not bad)
    found = json.loads(kept.read_text())
    assert len(found["samples"]) >= 10 and found["stalled"] == 3
    assert found["stored"]["pages"] == found["stored"]["pages_once"] > 100
    assert list(tmp_path.iterdir()) == [kept]  # nothing else is left behind


@needs_nginx
def test_an_interrupted_soak_ends_what_it_started(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.soak"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert any(b"saturation" in line for line in process.stderr)
        assert len(working_in(tmp_path)) >= 3
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert eventually(lambda: not working_in(tmp_path))
    assert not list(tmp_path.iterdir())


def test_what_is_seen_of_a_process_is_what_it_has():
    me = os.getpid()
    before = look(Family(me, me, None), 1.0).worker
    held = bytearray(os.urandom(30_000_000))
    with socket.socket():
        after = look(Family(me, me, None), 1.0).worker
    assert (after.sockets - before.sockets, after.descriptors - before.descriptors) == (1, 1)
    assert after.private - before.private > 0.9 * len(held)
    assert after.private <= after.pss <= after.rss


@pytest.mark.parametrize("words", [("--minutes", "0"), ("--minutes", "long"), ("--stalled", "0"), ("--stalled", "x")])
def test_a_number_that_soaks_nothing_is_wrong_usage(words):
    assert soak(*words).returncode == USAGE
