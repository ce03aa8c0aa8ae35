"""The field of `make bench`, its pure parts: who and what is chosen, what is computed, what the tables say."""

import math

import pytest

from benchmarks.command import UsageError
from benchmarks.field import peers, traffic
from benchmarks.field.figures import Cell, Found, Half, Idle, percentile
from benchmarks.field.halfway import MOST_A_SECOND, rate_of
from benchmarks.field.peers import FILTER, GZIP, PEERS
from benchmarks.field.quiet import opened
from benchmarks.field.run import Choice, check, words
from benchmarks.field.tables import cpu, half_load, matrix, memory, mix, ratio, short
from benchmarks.field.told import parts
from benchmarks.field.traffic import FORM_BYTES, ROWS, posted
from benchmarks.load import Timed, rate

BY_KEY = {row.key: row for row in ROWS}


@pytest.mark.parametrize(
    ("values", "share", "wanted"),
    [([7], 0.5, 7), ([7], 0.99, 7), ([1, 2], 0.5, 1), ([1, 2, 3], 0.5, 2), (range(1, 101), 0.99, 99), ([1, 2], 1, 2)],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, wanted):
    assert percentile(list(values), share) == wanted


def test_a_rate_is_of_the_middle_of_a_run():
    assert rate([0, 1_000, 2_000, 3_000, 4_000]) == 1_000
    assert rate([0, *(900_000 + 1_000 * at for at in range(8)), 5_000_000]) == 1_000  # a late start, a straggler
    assert rate([5]) == 0


def cell(*rounds, took=()):
    made = Cell()
    for own, reference in rounds:
        made.add(own, reference, Timed(1_000.0, tuple(took)) if took else None)
    return made


def test_ratios_are_of_the_same_round():
    assert cell((20, 10), (90, 30), (40, 10)).ratio == 3
    assert cell((20, 0)).ratio == math.inf
    assert ratio(cell((20, 10), (90, 30), (40, 10))) == "3.00 (2.00–4.00)"
    assert cell((1, 1), (1, 1), took=(10, 30)).times == (10, 30)


def test_what_is_above_direct_is_the_median_of_the_rounds_own_differences():
    half = Half(100.0, [(5, 50), (9, 90), (7, 70)], [(1, 10), (2, 20), (6, 60)])
    assert half.above == (4, 40) and half.times == (7, 70)
    assert rate_of(1_000) == 500 and rate_of(1_000_000) == MOST_A_SECOND


def test_the_tables_have_a_line_for_each_that_was_measured():
    found = Found({("7k", FILTER): cell((10, 10), took=(900,)), ("7k", "caddy"): cell((1_030, 10), took=(2_000,))})
    found.half["caddy"] = Half(50.0, [(1_500, 2_000)], [(500, 600)], late=1)
    found.memory = {FILTER: 12_000_000}
    found.idle = {"caddy": Idle(64_000, 1_500)}
    rows = [BY_KEY["7k"], BY_KEY["collector"]]
    assert cells(matrix(found, PEERS, rows, cpu)) == [
        ["through", "7 KB page", "ten events"],
        ["nginx, sub_filter", "10", "–"],
        ["Caddy", "1,030", "–"],
    ]
    assert cells(short(found, PEERS))[1:] == [
        ["nginx, sub_filter", "10 us", "1", "", "1,000", "12 MB"],
        ["Caddy", "1,030 us", "103.00", "103.00 - 103.00", "1,000", "–"],
    ]
    assert cells(half_load(found, PEERS))[1:] == [["Caddy", "50", "1.50 / 2.00", "1.00 / 1.40", "1"]]
    assert cells(memory(found, PEERS, 1_000))[1:] == [
        ["nginx, sub_filter", "12 MB", "–", "–"],
        ["Caddy", "–", "64.0 KB", "1.5 ms"],
    ]


def cells(table):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]


def test_a_word_chooses_one_or_all_of_a_kind_and_always_who_is_compared_with():
    def keys(*given):
        return [peer.key for peer in peers.chosen(given)]

    assert keys("caddy") == [FILTER, GZIP, "caddy"]
    assert keys("footfall-2") == [FILTER, GZIP, "footfall-2"]
    assert [key for key in keys("footfall") if "nginx" not in key] == ["footfall-off", "footfall", "footfall-2"]
    assert keys("http-proxy") == [FILTER, GZIP, "http-proxy"]
    assert keys() == [peer.key for peer in PEERS]


def test_a_word_that_names_nothing_is_wrong_usage():
    check(Choice(words("nginx, caddy"), words("7k,sockets")))
    with pytest.raises(UsageError, match="--only: no apache; there are caddy, "):
        check(Choice(["apache"]))
    with pytest.raises(UsageError, match="--row: no 8k; there are 7k, 58k, "):
        check(Choice([], ["8k"]))


def test_what_is_posted_is_a_file_of_ten_kilobytes(tmp_path):
    assert posted() == posted() and len(posted()) == FORM_BYTES
    seven, post = traffic.chosen(["7k", "post"], tmp_path)
    assert seven == BY_KEY["7k"]
    assert post.row.request.body.read_bytes() == posted()


def test_the_mix_of_header_fields_is_stated():
    assert mix([BY_KEY[key] for key in ("7k", "first", "bot", "58k")]) == (
        "15 for 7 KB page, 58 KB page; 14 for first visits; 5 for a bot"
    )
    assert parts([BY_KEY["7k"], BY_KEY["58k"], BY_KEY["image"]]) == "1/2: 58 KB page, 100 KB image"
    assert parts([BY_KEY["7k"]]) == ""


def test_a_websocket_is_opened_as_the_rfc_says():
    head = b"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in opened(head)
    assert opened(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") is None
