"""A store that cannot be read: a page that says what to do, never a traceback; and it comes back by itself."""

import contextlib
import json
import sqlite3

import pytest
from bs4 import BeautifulSoup
from reports import Site, confirm, page, report, visit, words, write
from stories import files_at_most

from proxy.store.sqlite.questions import SqliteQuestions

PAGES = (
    "/",
    "/visitors",
    "/visitors/00000000-0000-0000-0000-000000005631",
    "/live",
    "/attention",
    "/attention?of=banner.hover+shop.example/+Sale",
    "/forms",
    "/forms?of=shop.example/%20letter",
    "/errors",
    "/explore",
    "/explore?of=banner.hover",
    "/errors?of=failed%20404%20shop.example/gone",
    "/requests",
    "/events",
    "/paths",
    "/paths?of=shop.example/",
    "/rejected",
    "/visitors/00000000-0000-0000-0000-000000005631/forget",
)
JSON = (
    *("/overview.json", "/visitors.json", "/live.json", "/requests.json", "/events.json", "/rejected.json"),
    *("/attention.json", "/forms.json", "/errors.json", "/explore.json"),
    *(f"{PAGES[2]}/{name}" for name in ("forget.json", "export.jsonl", "export.csv")),
)


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def newer(path):
    write(path, visit("P1", "V1"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def older(path):
    """Version 1, as it was: nothing of what people do on a page."""
    write(path, visit("P1", "V1"))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE rejection")
        connection.execute("PRAGMA user_version = 1")


def garbage(path):
    path.write_bytes(b"this is no database" * 1_000)


def damaged(path):
    write(path, *(visit(f"P{n}", f"V{n}", n * 1_000) for n in range(300)))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    text = bytearray(path.read_bytes())
    for place in range(4_096, len(text), 4_096):
        text[place : place + 2_000] = b"\xa5" * min(2_000, len(text) - place)
    path.write_bytes(bytes(text))


TROUBLES = {
    "missing": (lambda path: None, "no such file"),
    "empty": (lambda path: path.touch(), "empty"),
    "a directory": (lambda path: path.mkdir(), "store.db"),
    "another program's": (foreign, "another program"),
    "newer": (newer, "newer footfall"),
    "older": (older, "older footfall"),
    "no database": (garbage, "not a database"),
    "damaged": (damaged, "malformed"),
}


def says(site: Site, told: str, *, pages: tuple[str, ...] = PAGES) -> None:
    for path in pages:
        answer = site.get(path)
        soup = BeautifulSoup(answer.body, "html5lib")
        text = words(soup.main.text)
        assert answer.status == 200 and told in text, (path, text)
        assert "Traceback" not in text and "sqlite3" not in text and soup.select_one("a.button") is not None
    for path in JSON:
        answer = site.get(path)
        said = json.loads(answer.body)
        assert answer.status == 503 and said["error"].startswith("store_") and told in said["message"]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_store_that_cannot_be_read_is_explained_on_every_page(tmp_path, trouble):
    make, told = TROUBLES[trouble]
    make(tmp_path / "store.db")
    with report(tmp_path / "store.db") as site:
        says(site, told)


def test_a_locked_store_is_explained_and_read_when_it_is_free(tmp_path):
    path = tmp_path / "store.db"
    write(path, visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500))
    with report(path) as site:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        try:
            answer = site.get("/rejected")
            assert answer.status == 200 and b"locked" in answer.body
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert site.json("/overview.json?range=today")["totals"]["views"] == 1


def test_a_store_that_comes_later_is_shown_when_it_is_there(tmp_path):
    with report(tmp_path / "store.db") as site:
        says(site, "no such file")
        site.write(visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500))
        assert site.json("/overview.json?range=today")["totals"]["views"] == 1
        assert "Nothing to show" not in site.page("/").text


def test_an_empty_store_of_ours_is_shown_as_empty(tmp_path):
    write(tmp_path / "store.db")
    with report(tmp_path / "store.db") as site:
        for path in PAGES[:2] + PAGES[3:-1]:
            assert site.page(path).select(".empty, #nothing"), path
        said = site.json("/overview.json")
        assert said["totals"]["visitors"] == 0 and said["totals"]["pages_per_session"] is None
        assert said["pages"] == {"rows": [], "total": 0} and said["late"] == []


def test_a_question_that_is_late_leaves_a_card_that_says_so(tmp_path):
    path = tmp_path / "store.db"
    write(path, visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500))
    with report(path, question_seconds=-1.0) as site:
        answer = site.get("/")
        soup = BeautifulSoup(answer.body, "html5lib")
        assert answer.status == 200
        assert len(soup.select(".late")) >= 8 and "shorter range" in words(soup.main.text)
        said = site.json("/overview.json")
        assert said["pages"] is None and {"pages", "series", "lanes", "hovers"} <= set(said["late"])
        for other in (
            "/visitors",
            "/rejected",
            "/live",
            *PAGES[4:12],
            PAGES[2],
            PAGES[-1],
        ):
            answer = site.get(other)
            assert answer.status == 200 and b"took longer" in answer.body, other


@pytest.mark.parametrize(
    "sheet",
    [
        *(f"/overview.csv?card={card}" for card in ("series", "pages", "lanes", "fields", "unconfirmed", "requests")),
        "/overview.csv?card=pages&page=shop.example/",
        "/visitors.csv",
        "/attention.csv",
        "/attention.csv?of=banner.hover+shop.example/+Sale",
        "/forms.csv",
        "/forms.csv?of=shop.example/%20letter",
        "/errors.csv",
        "/explore.csv",
        "/explore.csv?of=banner.hover",
        "/errors.csv?card=slow",
        "/errors.csv?of=failed%20404%20shop.example/gone",
        "/requests.csv",
        "/events.csv",
    ],
)
def test_a_question_that_is_late_is_no_sheet_without_rows(tmp_path, sheet):
    path = tmp_path / "store.db"
    write(path, visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500))
    with report(path, question_seconds=-1.0) as site:
        answer = site.get(sheet)
        assert answer.status == 503 and json.loads(answer.body)["error"] == "store_late"


def test_a_slow_question_is_given_up_at_its_deadline(tmp_path):
    """With a store that is big enough to take longer than a very short deadline."""
    path = tmp_path / "store.db"
    for begin in range(0, 20_000, 2_000):
        write(path, *(visit(f"{begin + n}", f"v{n % 50}", begin + n, path=f"/{n % 900}") for n in range(2_000)))
    with report(path, question_seconds=0.002) as site:
        said = site.json("/overview.json?range=today&lane=unproven")
        assert "pages" in said["late"] and said["pages"] is None
    with report(path) as site:
        assert site.json("/overview.json?range=today&lane=unproven")["late"] == []


def test_a_disk_that_is_full_while_a_question_sorts_is_explained(tmp_path):
    """SQLite has ended the transaction by itself then, and there is none to be rolled back."""
    path, long = tmp_path / "store.db", "x" * 900
    write(path, *(visit(f"{n}", f"v{n}", n, came_back=True, referrer=f"https://{long}{n}/") for n in range(5_000)))
    with report(path) as site, contextlib.closing(SqliteQuestions(path)) as other:
        assert other.newest() == 10_000  # what is shared by those who read is there
        with files_at_most(64 * 1024):
            answers = [site.get(f"/{kind}?range=today") for kind in ("", "overview.json")]
        assert [answer.status for answer in answers] == [200, 503]
        assert all(b"disk I/O error" in answer.body for answer in answers)
        assert site.json("/overview.json?range=today")["totals"]["views"] == 5_000
