"""The report's other pages in a terminal: the numbers of their JSON, in lines that fit."""

import json
import re
import shlex
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from report_walks import items, steps
from stories import DAY, HOST, MINUTE, T, does, page, sends, visit
from taken import some

from proxy import options
from proxy.events.event import LANES
from proxy.paper import columns_of
from proxy.report import people
from proxy.report.attention import attention
from proxy.report.chosen import Chosen, did_text, element_text, hovered_of, page_of
from proxy.report.explore import explore
from proxy.report.forms import forms
from proxy.report.paths import paths
from proxy.report.ranges import spanning
from proxy.report.screens import ROWS, SCREENS, Asked
from proxy.report.terminal import screen, screen_as_json
from proxy.report.trouble import trouble
from proxy.reporting import page_about
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

UTC = ZoneInfo("UTC")
PERSON = LANES.index("person")
SPAN = spanning(T - DAY, T + DAY, UTC)
NAMES = ("<b>" * 33, "日本語のページ" * 14, "\x1b[2J\x1b[H cleared", "\u202eabc", "a\tb\r\nc", "é" * 90)


def written(path: Path, *told: object) -> SqliteQuestions:
    with closing(SqliteWriter(path, durability="process", rules=Rules(), zone=UTC)) as writer:
        writer.append(told)
    return SqliteQuestions(path)


def printed(reader, name, of="", *, chosen=(), span=SPAN, width=80) -> list[str]:
    asked = Asked(span, chosen, of)
    return list(screen(reader, SCREENS[name], asked, zone=UTC, width=width, colour=False))


def table(lines: list[str], title: str) -> dict[str, list[str]]:
    """{a row's name: its cells} of the table with that title."""
    begin = next(place for place, line in enumerate(lines) if re.match(rf"{re.escape(title)}(  |$)", line))
    rows = {}
    for line in lines[begin + 1 :]:
        if not line:
            break
        name, *cells = re.split(r" {2,}", line.strip())
        rows[name] = cells
    return rows


def things(reader) -> list[tuple[str, str]]:
    """Every page, alone and about everything that its own list names."""
    found = [(name, "") for name in SCREENS]
    given = {"span": SPAN, "lane": PERSON, "limit": 100}
    found += [("paths", f"{row['host']}{row['path']}") for row in paths(reader, of=None, **given)["pages"]]
    rows = forms(reader, **given)["forms"]["rows"]
    found += [("forms", element_text(row["host"], row["path"], row["name"])) for row in rows]
    rows = attention(reader, of=None, **given)["hovers"]["rows"]
    found += [("attention", did_text(row["action"], row["host"], row["path"], row["name"])) for row in rows]
    troubles = trouble(reader, **given)
    found += [("errors", f"failed {row['status']} {row['host']}{row['path']}") for row in troubles["failed"]["rows"]]
    found += [("errors", f"slow {row['host']}{row['path']}") for row in troubles["slow"]["rows"]]
    rows = explore(reader, definitions=(), **given)["actions"]["rows"]
    return found + [("explore", row["action"]) for row in rows]


def model_of(reader, name: str, of: str):
    """What the page of this address is made of."""
    given = {"span": SPAN, "lane": PERSON, "limit": ROWS}
    return {
        "visitors": lambda: people.visitors(reader, before=None, **given),
        "paths": lambda: paths(reader, of=page_of(of), **given),
        "forms": lambda: forms(reader, of=of, **given),
        "attention": lambda: attention(reader, of=hovered_of(of), **given),
        "errors": lambda: trouble(reader, of=of, **given),
        "explore": lambda: explore(reader, definitions=(), of=of, **given),
    }[name]()


def numbers_in(told: object) -> set[int]:
    if isinstance(told, dict | list | tuple):
        return set().union(*map(numbers_in, told.values() if isinstance(told, dict) else told))
    return {told} if isinstance(told, int) and not isinstance(told, bool) else set()


@settings(max_examples=some(15), deadline=None)
@given(steps())
def test_whatever_happened_every_page_fits_and_says_what_its_json_says(walk):
    with TemporaryDirectory() as folder:
        told, _ = items(walk)
        with closing(written(Path(folder) / "store.db", *told)) as reader:
            for name, of in things(reader):
                assert page_about(name, of or None) is SCREENS[name]
                said = json.loads("\n".join(screen_as_json(reader, SCREENS[name], Asked(SPAN, of=of))))
                assert said == json.loads(json.dumps(model_of(reader, name, of)))
                lines = printed(reader, name, of)
                assert all(sum(map(columns_of, line)) <= 80 for line in lines)
                # The counts at the ends of rows: units and dates are not among them.
                rows = [line for line in lines[1:] if line.startswith("  ") and not line.startswith("    ")]
                counts = {int(cell) for line in rows for cell in re.split(r" {2,}", line)[2:] if cell.isdigit()}
                assert counts <= numbers_in(said), (name, of)
                for words in (shlex.split(line) for line in lines if line.startswith("    --of ")):
                    assert (name, words[1]) in things(reader) and not of


def test_ways_around_a_page_and_their_numbers(tmp_path):
    ways = {"V1": "/a /b /c", "V2": "/a /b", "V3": "/b /a", "V4": "/a"}
    told = [
        visit(f"{who}{place}", who, place * MINUTE, path=path, came_back=True)
        for who, way in ways.items()
        for place, path in enumerate(way.split())
    ]
    with closing(written(tmp_path / "store.db", *told)) as reader:
        lines = printed(reader, "paths", f"{HOST}/b")
        assert table(lines, f"Around {HOST}/b") == {f"{HOST}/b": ["3"]}
        assert table(lines, "Before it") == {"/a": ["2"], "before that: began here 2": [], "began here": ["1"]}
        after = table(lines, "After it")
        assert after == {"/c": ["1"], "then: left 1": [], "/a": ["1"], "left": ["1"]}
        assert table(lines, "Whole paths with it")["/a › /b › /c"] == ["1"]
        assert table(printed(reader, "paths"), "Common whole paths")["/a"] == ["1"]
        assert "  only sessions that saw /c" in printed(reader, "paths", chosen=[Chosen("page", f"{HOST}/c")])
        assert [cells[:2] for cells in table(printed(reader, "visitors"), "Visitors, the latest first").values()] == [
            ["3", "1"],
            ["2", "1"],
            ["2", "1"],
            ["1", "1"],
        ]


def test_what_is_cut_says_how_much_there_is(tmp_path):
    told = [visit(f"P{n}", f"V{n}", n * MINUTE, path=f"/{n}", came_back=True) for n in range(ROWS + 5)]
    with closing(written(tmp_path / "store.db", *told)) as reader:
        for name in ("visitors", "paths"):
            assert f"    {ROWS} of {ROWS + 5}" in printed(reader, name)
        assert f"    8 of {ROWS + 5} values" in printed(reader, "explore", "page.visit")


@pytest.mark.parametrize("width", [1, 60, 100, 400])
def test_lines_fit_whatever_is_in_them(tmp_path, width):
    told = [visit("P0", "V1", came_back=True), visit("P1", "V1", MINUTE, came_back=True)]
    for n, name in enumerate(NAMES):
        hover = does("banner.hover", f"H{n}", name=name, dwell_ms=1_000 + n)
        told.append(
            sends(
                page("P0"),
                "V1",
                hover,
                does("form.submit", f"S{n}", form=name, fields={"email": "text"}),
                at=(n + 1) * 1_000,
            )
        )
    with closing(written(tmp_path / "store.db", *told)) as reader:
        for name, of in things(reader):
            lines = printed(reader, name, of, width=width)
            assert all(sum(map(columns_of, line)) <= max(60, min(width, 100)) for line in lines), (name, of)
            assert all(char.isprintable() for line in lines for char in line), (name, of)
        assert {name for name, of in things(reader) if of} == {"paths", "forms", "attention", "explore"}


def test_a_list_ends_with_how_one_of_it_is_asked_about(tmp_path):
    told = [visit("P1", "V1", came_back=True), visit("P2", "V1", MINUTE, path="/a b", status=404, came_back=True)]
    told.append(sends(page("P1"), "V1", does("banner.hover", "H1", name="Spring sale", dwell_ms=900), at=1_000))
    with closing(written(tmp_path / "store.db", *told)) as reader:
        for name, wanted in (
            ("paths", f"{HOST}/"),
            ("attention", f"banner.hover {HOST}/ Spring sale"),
            ("errors", f"failed 404 {HOST}/a b"),
        ):
            [line] = [line for line in printed(reader, name) if "--of" in line]
            assert shlex.split(line) == ["--of", wanted]
            assert page_about(name, wanted) is SCREENS[name]


def test_lengths_of_time_have_their_units_and_steps_the_pages_words(tmp_path):
    hovers = [does("banner.hover", f"H{n}", name="Sale", dwell_ms=ms) for n, ms in enumerate((900, 2_500))]
    submit = does("form.submit", "S1", form="news", fields={"email": "text"})
    told = [visit("P1", "V1", came_back=True), sends(page("P1"), "V1", *hovers, submit, at=5_000)]
    with closing(written(tmp_path / "store.db", *told)) as reader:
        lines = printed(reader, "explore", "banner.hover")
        assert table(lines, "dwell_ms, not defined").keys() >= {"900 ms", "2.5 s"}
        assert "    from 900 ms to 2.5 s, half of the numbers at most 900 ms" in lines
        steps = table(printed(reader, "forms", f"{HOST}/ news"), f"news  {HOST}/")
        assert steps == {
            "Saw its page": ["1", "100 %", "1"],
            "Started it": ["0", "0.0 %", "0"],
            "Sent it": ["1", "100 %", "1"],
        }


def test_what_took_too_long_says_so_on_every_page(tmp_path):
    written(tmp_path / "store.db", visit("P1", "V1")).close()
    ofs = {
        "paths": f"{HOST}/",
        "forms": f"{HOST}/ f",
        "attention": f"banner.hover {HOST}/ x",
        "errors": f"slow {HOST}/",
        "explore": "page.visit",
    }
    with closing(SqliteQuestions(tmp_path / "store.db", question_seconds=-1)) as reader:
        for name in SCREENS:
            for of in {"", ofs.get(name, "")}:
                assert any("took longer" in line for line in printed(reader, name, of)), (name, of)


def test_a_store_without_anything_has_pages_that_say_nothing(tmp_path):
    with closing(written(tmp_path / "store.db")) as reader:
        for name in SCREENS:
            lines = printed(reader, name)
            assert any(re.fullmatch("  (nothing|no page came with an error.*)", line) for line in lines), name


def test_pages_are_named_as_the_command_names_them_and_are_about_what_they_can_be_about():
    assert ("overview", *SCREENS) == options.PAGES
    assert page_about("overview", None) is None
    assert page_about("paths", None) is SCREENS["paths"]
    for page_, of in (
        ("overview", "shop.example/"),
        ("visitors", "x"),
        ("paths", "nowhere"),
        ("paths", ""),
        ("overview", ""),
        ("forms", "shop.example/"),
        ("attention", "banner.click shop.example/ Sale"),
        ("errors", "404 shop.example/"),
        ("explore", "Not An Action"),
    ):
        with pytest.raises(ValueError, match=r"must be|is for"):
            page_about(page_, of)
    with pytest.raises(ValueError, match="must be") as long:
        page_about("paths", "x" * 100_000)
    assert len(str(long.value)) < 200
