"""E2: however much a little input decodes to, a worker's memory stays small and others have their turn."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from codings import EVERY, PAGE, TAGGED, Framed, make_recoder, pack, upstream

from proxy.page.coding.base import MAX_STEP_BYTES
from proxy.page.coding.offered import CODINGS
from proxy.page.coding.recoder import MAX_STEPS
from proxy.page.coding.zstd import MAX_WINDOW_BYTES

MEGABYTE = 1024 * 1024
CONTENT_MEGABYTES = 300
GROWTH_BYTES = 8 * MEGABYTE
"""zstd reserves a window of up to 8 MB, brotli up to 16 MB; here, where the encoders chose it, up to 4 MB."""

KEPT_BYTES = 512 * 1024
"""What an encoder keeps at the most before it gives out a block (brotli; ISA-L 128 KiB)."""

# The process reads its own peak: what the codings' libraries allocate is seen by no tool of Python's.
MEASURE = """
import sys
from codings import PAGE, make_recoder, pack

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

name, path = sys.argv[1:]
body = open(path, "rb").read()
list(make_recoder(name).feed(pack(name, PAGE)))
recoder, longest, given = make_recoder(name), 0, 0
before = peak()
for place in range(0, len(body), 65536):
    for piece in recoder.feed(body[place : place + 65536]):
        longest, given = max(longest, len(piece)), given + len(piece)
print(peak() - before, longest, given)
"""


def bomb(name: str, start: bytes = PAGE) -> bytes:
    encoder = upstream(name)
    spaces = b" " * MEGABYTE
    return b"".join([encoder.feed(start), *(encoder.feed(spaces) for _ in range(CONTENT_MEGABYTES)), encoder.flush()])


def peak_of(name: str, body: bytes, where: Path) -> tuple[int, int, int]:
    path = where / "body"
    path.write_bytes(body)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, name, str(path)],
        env={"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    growth, longest, given = map(int, done.stdout.split())
    return growth, longest, given


pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell peaks")


@EVERY
def test_e2_a_bomb_needs_little_memory(name: str, tmp_path: Path) -> None:
    body = bomb(name)
    assert len(body) < CONTENT_MEGABYTES * 1200
    growth, longest, _ = peak_of(name, body, tmp_path)
    assert growth < GROWTH_BYTES, f"{growth / MEGABYTE:.1f} MB"
    assert longest <= MAX_STEP_BYTES


def test_e2_a_frame_with_the_largest_window_needs_little_more_than_that(tmp_path: Path) -> None:
    encoder = Framed(1, window_log=MAX_WINDOW_BYTES.bit_length() - 1)
    body = b"".join([encoder.feed(PAGE), *(encoder.feed(b" " * MEGABYTE) for _ in range(50)), encoder.flush()])
    growth, _, given = peak_of("zstd", body, tmp_path)
    assert given and growth < MAX_WINDOW_BYTES + 4 * MEGABYTE, f"{growth / MEGABYTE:.1f} MB"


@EVERY
def test_e2_pieces_are_bounded_however_little_was_compressed(name: str) -> None:
    body = pack(name, PAGE + random.Random(1).randbytes(3 * MEGABYTE), 1)
    for step in (65_536, len(body)):
        recoder, total = make_recoder(name), 0
        for place in range(0, len(body), step):
            for piece in recoder.feed(body[place : place + step]):
                total += len(piece)
                assert len(piece) <= KEPT_BYTES + MAX_STEP_BYTES
        assert total > 3 * MEGABYTE


@EVERY
def test_e2_a_bomb_loses_nothing_and_is_given_out_with_turns_in_between(name: str) -> None:
    encoder, recoder = upstream(name), make_recoder(name)
    body = encoder.feed(PAGE + b" " * 20 * MEGABYTE) + encoder.flush()
    visitor = CODINGS[name.encode()].decoder()
    start, decoded = b"", 0
    pieces = [*recoder.feed(body), *recoder.flush()]
    for piece in pieces:
        for text in visitor.feed(piece):
            start += text[: len(TAGGED) - len(start)]
            decoded += len(text)
    assert (start, decoded, visitor.ended) == (TAGGED, len(TAGGED) + 20 * MEGABYTE, True)
    assert len(pieces) >= 20 * MEGABYTE // MAX_STEP_BYTES // (MAX_STEPS + 2)
