"""`footfall import` as it is typed: what it says, what it leaves when it is killed, and beside a store in use."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 60
NUMBER = 6_000
T = 1_700_000_000_000


def footfall(where: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    kept = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "proxy", *words]
    return subprocess.run(command, cwd=where, env=kept, capture_output=True, input=stdin)


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def line(number: int, **other: object) -> str:
    """A page view; every tenth one begins a session."""
    session = uuid(10**9 + number // 10)
    told = {
        "id": uuid(number), "action": "page.visit", "time": T + number * 1_000, "received": T + number * 1_000,
        "uuid": uuid(10**8 + number // 10), "session": session, "lane": "person",
        "params": {"uri": f"https://shop.example/{number % 7}", "nav": "navigate", "status": 200}, **other,
    }  # fmt: skip
    return json.dumps({key: value for key, value in told.items() if value is not None})


def number_of(store: Path) -> int:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as raw:
        return int(raw.execute("SELECT count(*) FROM recent_id").fetchone()[0])


BAD = (
    ("{", "not JSON: "),
    ("[1]", "not an object"),
    ("7", "not an object"),
    ("[" * 100_000, "nested too deep"),
    ("x" * 200_000, "longer than 131,072 bytes"),
    (line(1, id="no"), "id is not a UUID"),
    (line(1, action="none"), "action is 3 to 32"),
    (line(1, time="now"), "time is not a time in Unix ms"),
    (line(1, time=True), "time is not a time in Unix ms"),
    (line(1, time=10**17), "time is not a time in Unix ms"),
    (line(1, received=5), "received is before time"),
    (line(1, lane="fast"), "lane is none of bot, unproven, person"),
    (line(1, params=[1]), "params is not an object"),
    (line(1, params={}), "uri is not an absolute http or https URI"),
    (line(1, action="session.start", session=None), "a session.start without session"),
    (line(1, action="session.end", params={"reason": "bored"}), "reason is none of timeout"),
    (
        line(1, action="session.end", session=uuid(9), params={"reason": "timeout"}),
        "its session is neither in the store nor among",
    ),
    (line(1, action="a.b", params={"deep": {"a": {"b": {"c": 1}}}}), "params are nested at most 2 deep"),
    (line(1, action="link.click", params={"name": "4111 1111 1111 1111"}), "name looks like something that is never"),
    (line(1).replace("navigate", "\\ud800").replace("200", "1e999"), "the number is not finite"),
    (line(1).replace("200", "NaN"), "NaN is no JSON"),
)


@pytest.mark.parametrize("bad", [BAD[:11], BAD[11:]], ids=["lines", "events"])
def test_a_bad_line_is_said_with_its_number_and_takes_only_itself_along(tmp_path, bad):
    texts = [line(5), "", *(text for text, _ in bad), line(6, seq="x", label=7, novel={"a": 1})]
    done = footfall(tmp_path, "import", "-", stdin="\n".join(texts).encode() + b"\n\xff\n")
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    *said, last = done.stderr.decode().splitlines()
    for number, why in [*enumerate((why for _, why in bad), 3), (len(bad) + 4, "not UTF-8")]:
        assert any(one.startswith(f"footfall: standard input, line {number}: {why}") for one in said), (number, said)
    assert last == f"footfall: standard input: 2 events imported, {len(said)} lines not taken"
    assert len(said) == len(bad) + 1 and number_of(tmp_path / "footfall.db") == 2
    assert footfall(tmp_path, "doctor").returncode == 0


def test_only_the_first_bad_lines_are_told_and_all_are_counted(tmp_path):
    done = footfall(tmp_path, "import", "-", stdin=b"{\n" * 50)
    assert done.stderr.count(b"\n") == 21 and b" 0 events imported, 50 lines not taken" in done.stderr


def test_what_is_never_captured_is_left_out_again(tmp_path):
    params = {"form": "pay", "fields": {"pin": "1234", "note": "4111 1111 1111 1111", "size": "L"}, "token": "abc"}
    visit = {"uri": "https://me:secret@shop.example/?token=abc&a=1#x", "nav": "navigate", "title": "4111111111111111"}
    texts = [line(1, action="form.submit", params=params), line(2, params=visit)]
    done = footfall(tmp_path, "import", "-", stdin="\n".join(texts).encode())
    assert done.returncode == 0 and b"3 params left out" in done.stderr
    text = footfall(tmp_path, "export").stdout.decode()
    for secret in ('"1234', "4111 1111", "41111111", "=abc", '"abc', "secret"):  # an id may have some of their letters
        assert secret not in text
    assert '"skipped": {"pin": "word", "note": "card"}' in text and "?token=removed&a=1" in text


@pytest.mark.parametrize(
    ("words", "data", "said"),
    [
        (("none.jsonl",), b"", "none.jsonl: No such file or directory"),
        (("-",), b"SQLite format 3\0", "not an export of footfall"),
        (("-",), b"a,b\n1,2\n", "not an export of footfall"),
        (("folder",), b"", "folder: Is a directory"),
    ],
)
def test_what_is_no_export_is_refused_in_a_line_and_makes_no_store(tmp_path, words, data, said):
    (tmp_path / "folder").mkdir()
    done = footfall(tmp_path, "import", *words, stdin=data)
    assert done.returncode == 1 and said in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert not (tmp_path / "footfall.db").exists()


def test_nothing_to_import_is_no_problem_and_no_file_is_wrong_usage(tmp_path):
    assert footfall(tmp_path, "import", "-").returncode == 0
    assert footfall(tmp_path, "import").returncode == 2


def test_killed_in_the_middle_it_is_begun_again_and_nothing_is_there_twice(tmp_path):
    file, store = tmp_path / "events.jsonl", tmp_path / "footfall.db"
    file.write_text("".join(f"{line(number)}\n" for number in range(NUMBER)))
    command = [sys.executable, "-m", "proxy", "import", file.name]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (store.exists() and store.with_name("footfall.db-wal").exists() and committed(store)):
            assert time.monotonic() < deadline and process.poll() is None
        process.send_signal(signal.SIGKILL)
    kept = number_of(store)
    assert 0 < kept < NUMBER and kept % 500 == 0
    again = footfall(tmp_path, "import", file.name)
    assert again.stderr.decode() == (
        f"footfall: events.jsonl: {NUMBER - kept:,} events imported, {kept:,} were there already\n"
    )
    assert number_of(store) == NUMBER and footfall(tmp_path, "doctor").returncode == 0
    text = footfall(tmp_path, "export").stdout
    whole = footfall(tmp_path, "import", file.name, "--store", "sqlite:///whole.db")
    assert whole.returncode == 0
    assert without_seq(footfall(tmp_path, "export", "--store", "sqlite:///whole.db").stdout) == without_seq(text)


def committed(store: Path) -> bool:
    try:
        return number_of(store) > 0
    except sqlite3.OperationalError:  # not made yet
        return False


def without_seq(text: bytes) -> list[dict[str, object]]:
    return [{**json.loads(one), "seq": 0} for one in text.splitlines()]
