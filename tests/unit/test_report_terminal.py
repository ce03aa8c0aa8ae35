"""`footfall report` in the terminal: the overview's numbers, in lines that fit."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
import report_recount as recount
from hypothesis import given, settings
from report_walks import items, steps
from stories import DAY, HOUR, MINUTE, T, confirm, exported, page, visit
from taken import some

from proxy.events.event import LANES
from proxy.paper import Paper, columns_of
from proxy.report.numbers import THIN
from proxy.report.overview import overview
from proxy.report.paper import ends
from proxy.report.ranges import spanning
from proxy.report.terminal import as_json, summary
from proxy.store.counters import Blocked, BlockedPage
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

UTC = ZoneInfo("UTC")
ESCAPES = re.compile(r"\033\[[0-9;]*m")


def written(path, *told):
    writer = SqliteWriter(path, durability="process", rules=Rules(), zone=UTC)
    writer.append(told)
    writer.close()
    return SqliteQuestions(path)


def printed(reader, *, days=7, width=80, colour=False):
    span = {"since_ms": T - (days - 1) * DAY, "until_ms": T + HOUR, "now_ms": T + HOUR}
    return list(summary(reader, zone=UTC, width=width, colour=colour, **span))


def wide(line):
    return sum(map(columns_of, line))


@settings(max_examples=some(25), deadline=None)
@given(steps())
def test_its_numbers_are_the_overviews_and_equal_a_recount(walk):
    with TemporaryDirectory() as folder:
        told, over = items(walk)
        path = Path(folder) / "store.db"
        reader = written(path, *told)
        span = {"since_ms": T - DAY, "until_ms": T + over + 1, "now_ms": T + over}
        said = json.loads("\n".join(as_json(reader, zone=UTC, **span)))
        wanted = overview(
            reader, spanning(span["since_ms"], span["until_ms"], UTC), LANES.index("person"), limit=8, now_ms=T + over
        )
        balanced = said.pop("balance")
        assert said == json.loads(json.dumps(wanted))
        source = SqliteReader(path)
        events = exported(path)
        counted = sum(n for _, _, name, n in source.outcomes() if name == "visit")
        source.close()
        views = [one for one in events if one["action"] == "page.visit"]
        served = [one for one in views if "status" in one["params"]]
        assert balanced["total"] == len(views)
        [people, bots] = balanced["equations"]
        assert bots["events"] == sum(one["lane"] == "bot" for one in served)
        assert people["requests"] == counted == people["events"] + people["lost"] + people["difference"]
        assert people["events"] == len(served) - bots["events"] + balanced["healed"]
        totals = recount.totals(events, (span["since_ms"], span["until_ms"], "person"))
        assert {name: said["totals"][name] for name in totals} == totals
        lines = list(summary(reader, zone=UTC, width=80, colour=False, **span))
        first = next(line for line in lines if line.startswith("  Visitors"))
        assert int(first[22:34].replace(" ", "")) == totals["visitors"]
        assert all(wide(line) <= 80 for line in lines)
        reader.close()


def test_what_does_not_fit_at_the_end_of_the_first_line_is_below_it():
    for width, lines in ((60, 2), (65, 2), (66, 1), (100, 1)):
        middle, right = "  Sat 27 Jun 2026 – Mon 29 Jun 2026", f"1{THIN}136 on the site now"
        found = list(ends(Paper.of(width, False), "footfall", middle, right))
        assert len(found) == lines and all(len(line) <= width for line in found)
        assert found[0].startswith(f"footfall{middle}") and found[-1].endswith("  1 136 on the site now")
        assert len(found[-1]) == width


@pytest.mark.parametrize("width", [1, 60, 80, 100, 400])
def test_lines_fit_whatever_is_in_them(tmp_path, width):
    titles = (
        "<b>" * 100,
        "日本語のページ" * 20,
        "e\u0301" * 90,
        "\x1b[2J\x1b[H cleared",
        "a\tb\r\nc\x07",
        "\u202eabc",
        "",
    )
    told = []
    for n, title in enumerate(titles):
        told += [visit(f"P{n}", f"V{n}", n * 1_000, path=f"/{n}")]
        told += [confirm(f"C{n}", page(f"P{n}", n * 1_000), f"V{n}", n * 1_000 + 10, path=f"/{n}", title=title)]
    reader = written(tmp_path / "store.db", *told)
    lines = printed(reader, width=width)
    assert all(wide(line) <= max(60, min(width, 100)) for line in lines)
    assert all(char.isprintable() for line in lines for char in line)
    assert any("日本語" in line for line in lines) and any("<b><b>" in line for line in lines)
    reader.close()


def test_colour_only_adds_colour(tmp_path):
    reader = written(tmp_path / "store.db", visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500))
    plain, coloured = printed(reader), printed(reader, colour=True)
    assert "\033" not in "".join(plain) and "\033[1m" in "".join(coloured)
    assert [ESCAPES.sub("", line) for line in coloured] == plain
    reader.close()


def test_numbers_of_a_table_are_below_each_other(tmp_path):
    told = []
    for n in range(120):
        path = "/" if n < 100 else "/range"
        told += [visit(f"P{n}", f"V{n}", n * 1_000, path=path)]
        told += [confirm(f"C{n}", page(f"P{n}", n * 1_000), f"V{n}", n * 1_000 + 10, path=path)]
    reader = written(tmp_path / "store.db", *told)
    lines = printed(reader)
    at = next(n for n, line in enumerate(lines) if line.startswith("Pages"))
    table = lines[at : at + 3]
    assert {len(line) for line in table} == {80}
    assert [line[50:].split()[0] for line in table[1:]] == ["100", "20"]
    assert (
        len({line.index(number) + len(number) for line, number in zip(table, ("Views", "100", "20"), strict=True)}) == 1
    )
    reader.close()


def test_a_store_without_anything_is_a_summary_of_nothing(tmp_path):
    reader = written(tmp_path / "store.db")
    lines = printed(reader)
    assert lines[2].split()[:2] == ["Visitors", "0"]
    assert sum(line == "  nothing" for line in lines) == 5
    assert not [line for line in lines if line.startswith("Rejected")]
    reader.close()


def test_what_took_too_long_says_so(tmp_path):
    written(tmp_path / "store.db", visit("P1", "V1")).close()
    reader = SqliteQuestions(tmp_path / "store.db", question_seconds=-1)
    lines = printed(reader)
    assert sum("took longer" in line for line in lines) == 11
    reader.close()


def test_the_bounce_rate_is_compared_in_points(tmp_path):
    """Of one session of two before, and of two of three now, somebody left after one page."""
    before = [visit(f"A{n}", who, -7 * DAY + n, came_back=True) for n, who in enumerate(("V1", "V2", "V2"))]
    now = [visit(f"B{n}", who, n * MINUTE, came_back=True) for n, who in enumerate(("V3", "V4", "V5", "V5"))]
    reader = written(tmp_path / "store.db", *before, *now)
    lines = printed(reader)
    assert next(re.split(r"  +", line.strip()) for line in lines if "Bounce rate" in line) == [
        "Bounce rate",
        "67 %",
        "+17 points",
    ]
    assert next(line.split() for line in lines if "Sessions" in line)[1:4] == ["3", "↑", "50"]
    span = {"since_ms": T - 6 * DAY, "until_ms": T + HOUR, "now_ms": T + HOUR}
    said = json.loads("\n".join(as_json(reader, zone=UTC, **span)))
    assert said["earlier"]["bounce_points"] == 17 and said["earlier"]["totals"]["bounce_rate"] == 0.5


def test_a_day_is_drawn_by_the_hour(tmp_path):
    told = [visit(f"P{n}", "V1", -n * 10 * MINUTE, came_back=True) for n in range(6)]
    reader = written(tmp_path / "store.db", *reversed(told))
    assert "by hour" in printed(reader, days=1)[2]
    assert "by day" in printed(reader, days=7)[2]
    reader.close()


def test_pages_where_the_tag_cannot_run_are_named_with_what_to_do(tmp_path):
    page_ = BlockedPage(T // DAY, "shop.example", "/pay", "script-src blocks the tag", 3, T)
    rest = BlockedPage(T // DAY, "", "", "something new", 1, T)
    reader = written(tmp_path / "store.db", visit("P1", "V1"), Blocked((page_, rest)))
    lines = printed(reader)
    at = next(n for n, line in enumerate(lines) if line.startswith("Pages where the tag cannot run"))
    assert lines[at + 1].split() == ["/pay", "3"]
    assert " ".join(line.strip() for line in lines[at + 2 : at + 5]) == (
        "The page's Content-Security-Policy does not allow the tag's script (script-src). "
        "Let script-src allow 'self', or set inject.csp = \"extend\", which adds a nonce for the tag alone."
    )
    assert [lines[at + 5].split(), lines[at + 6].strip()] == [["other", "pages", "1"], "something new."]
    reader.close()
    assert not any("tag cannot run" in line for line in printed(written(tmp_path / "other.db", visit("P1", "V1"))))
