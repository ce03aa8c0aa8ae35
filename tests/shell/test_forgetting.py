"""`footfall forget` beside a running footfall: what it prints, what is left, what the old cookie is worth."""

import json
import shutil
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from whole import Visitor, event_of, integrity, serving, sites, stored, untagged
from wire import ROOT, eventually

ANYBODY = "018bcfe5-6800-7000-8000-000000000000"


def command(where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=where,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def has(file: Path, visitor: str) -> bool:
    return file.exists() and uuid.UUID(visitor).bytes in file.read_bytes()


def test_a_visitor_is_erased_while_two_workers_serve(tmp_path):
    with sites() as site, serving(tmp_path, site, workers=2) as served:
        one, other = Visitor(served.port), Visitor(served.port)
        pages = [untagged(who.navigate(b"/products/ladder").body)[1] for who in (one, other, one)]
        assert eventually(lambda: len(stored(served.store, "page.visit")) == 3)
        visits = {event["id"]: event["uuid"] for event in stored(served.store, "page.visit")}
        visitor, stays = (visits[event_of(page or b"", tmp_path)] for page in pages[:2])
        assert command(tmp_path, "backup", "before.db").returncode == 0
        (tmp_path / "before.jsonl").write_text(command(tmp_path, "export").stdout)
        old = dict(one.cookies)

        done = command(tmp_path, "forget", str(visitor), "--json")
        assert done.returncode == 0, done.stderr
        receipt = json.loads(done.stdout)
        assert receipt["events"] == {"page.visit": 2, "session.start": 1} and receipt["sessions"] == 1
        assert receipt["log_emptied"] and receipt["left_in"] == []
        assert receipt["copies"] == {str(tmp_path / "before.db"): True}
        assert not any(has(tmp_path / f"footfall.db{end}", str(visitor)) for end in ("", "-wal", "-shm"))

        def is_new() -> bool:
            """Whether the old cookie counts as none: a page sets another one."""
            one.cookies = dict(old)
            one.close()  # the next connection may be the other worker's
            one.navigate(b"/products/ladder")
            return one.cookies != old

        # All workers hear of it with the next thing that they write; until then what comes of it is not taken.
        assert eventually(lambda: all(is_new() for _ in range(8)), 20)
        found = {event["uuid"] for event in stored(served.store)}
        assert visitor not in found and stays in found
        back = command(tmp_path, "import", "before.jsonl")
        assert back.returncode == 1 and "its visitor was erased" in back.stderr
        assert visitor not in {event["uuid"] for event in stored(served.store)}
        again = command(tmp_path, "forget", str(visitor))
        assert again.returncode == 0 and "was erased before" in again.stdout
    assert integrity(served.store) == "ok"
    assert not any(has(tmp_path / f"footfall.db{end}", str(visitor)) for end in ("", "-wal", "-shm"))


def test_the_receipt_for_people_names_copies_that_still_have_the_visitor(tmp_path):
    with sites() as site, serving(tmp_path, site) as served:
        who = Visitor(served.port)
        who.navigate(b"/products/ladder")
        assert eventually(lambda: stored(served.store, "page.visit"))
        visitor = str(stored(served.store, "page.visit")[0]["uuid"])
        command(tmp_path, "backup", "a.db")
        shutil.copy(tmp_path / "a.db", tmp_path / "moved.db.part")
        sqlite3.connect(tmp_path / "b.db").close()
        (tmp_path / "notes.txt").write_bytes(uuid.UUID(visitor).bytes)
        done = command(tmp_path, "forget", visitor)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"{visitor}: erased"
    assert "        1 page.visit" in lines and "        1 sessions" in lines
    assert lines[-2:] == [
        f"{tmp_path / name}: a copy that STILL HAS this visitor" for name in ("a.db", "moved.db.part")
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("not-a-uuid",), 2, "must be a UUID"),
        ((), 2, "required"),
        ((ANYBODY,), 1, "no such file"),
    ],
)
def test_what_cannot_be_forgotten_is_said(tmp_path, words, code, said):
    done = command(tmp_path, "forget", *words)
    assert done.returncode == code and said in done.stderr
    assert not (tmp_path / "footfall.db").exists()


def test_whoever_is_not_there_is_a_problem(tmp_path):
    with sites() as site, serving(tmp_path, site):
        done = command(tmp_path, "forget", ANYBODY)
    assert done.returncode == 1 and "no such visitor" in done.stdout
