"""A visitor's page gives out all that is held, and forgets once it has asked: as the commands do, for nobody else."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from reports import MINUTE, TOKEN, Site, confirm, does, keeper_of, page, report, sends, visit, words
from wire import ROOT, Answer, eventually

from proxy.events.event import Event
from proxy.report.exporting import PIECE_LINES
from proxy.report.keeping import EXPORTS, NotSearched
from proxy.reportkeeper import ReportKeeper
from proxy.store.base import StoreUnavailable
from proxy.store.questions import Late
from proxy.store.questions.held import Held

OURS = b"Sec-Fetch-Site: same-origin\r\n"
BEARER = f"Authorization: Bearer {TOKEN}\r\n".encode()


def named(name: str) -> str:
    """Sixteen characters that are a uuid's bytes, and which nothing else in a file has."""
    return f"{'mark' * 4}{name}"[-16:]


ANN, TWIN, BOB, BOT, MANY = (named(name) for name in ("ann", "twin", "bob", "bot", "many"))
WHO = {name: str(uuid.UUID(bytes=name.encode())) for name in (ANN, TWIN, BOB, BOT, MANY)}


def told(store: Path, *, many: bool = False) -> None:
    """Ann, who was two for a moment, Bob, and a crawler; and somebody with many events, where that is wanted."""
    with report(store) as site:
        site.write(
            visit("P1", ANN, path="/ann"), visit("P2", TWIN), confirm("C2", page("P2"), ANN, 1_000, title="Ann's")
        )
        site.write(sends(page("P2"), ANN, does("link.click", "E1", name="Only Ann's"), at=2_000))
        site.write(visit("Q1", BOB), confirm("D1", page("Q1"), BOB, 500), visit("R1", BOT, bot=True))
        if many:
            site.write(visit("M1", MANY), confirm("N1", page("M1"), MANY, 500))
            for begin in range(0, 2_400, 400):
                clicks = [does("link.click", f"X{begin + n}", name=f"{begin + n}") for n in range(400)]
                site.write(sends(page("M1"), MANY, *clicks, at=MINUTE + begin))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    told(tmp_path / "footfall.db")
    with report(tmp_path / "footfall.db") as running:
        yield running


def command(where: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=where,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def post(
    site: Site,
    target: str,
    fields: bytes = OURS + BEARER,
    body: bytes = b"",
    *,
    host: str = "localhost",
    how: str = "POST",
) -> Answer:
    head = f"{how} {target} HTTP/1.1\r\nHost: {host}:{site.served.port}\r\nContent-Length: {len(body)}\r\n".encode()
    return site.ask(head + fields + b"\r\n" + body)


def said(answer: Answer) -> str:
    return words(BeautifulSoup(answer.body, "html5lib").main.get_text(" "))


def events_of(store: Path, who: str) -> int:
    return sum(1 for _ in keeper_of(store).export(WHO[who]))


def files_with(store: Path, who: str) -> list[str]:
    """Files in the store's folder that have a visitor, in whatever form."""
    raw = who.encode()
    forms = (raw, WHO[who].encode(), raw.hex().encode(), raw.hex().upper().encode())
    return sorted(file.name for file in store.parent.iterdir() if any(form in _bytes_of(file) for form in forms))


def _bytes_of(file: Path) -> bytes:
    """Of a folder, or of a log that was there a moment ago and is gone with its last reader: nothing."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return b""


# All of it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_the_file_is_what_the_command_prints_of_that_visitor(tmp_path, format):
    told(tmp_path / "footfall.db", many=True)
    with report(tmp_path / "footfall.db") as site:
        for who in (ANN, TWIN, BOB, BOT, MANY):
            answer = site.get(f"/visitors/{WHO[who]}/export.{format}")
            printed = command(tmp_path, "export", "--visitor", WHO[who], "--format", format)
            assert answer.status == 200 and answer.whole
            assert answer.body.decode() == printed and printed.count("\n") >= 1
        assert printed.count("\n") > 4 * PIECE_LINES
        one, other = (site.get(f"/visitors/{WHO[who]}/export.{format}") for who in (ANN, TWIN))
        assert one.body == other.body and one.get(b"content-disposition") == other.get(b"content-disposition")


def test_the_file_has_a_safe_name_and_is_saved_not_shown(site):
    for spelling in (WHO[BOB], WHO[BOB].upper()):
        answer = site.get(f"/visitors/{spelling}/export.jsonl")
        assert answer.get(b"content-disposition") == f'attachment; filename="footfall-{WHO[BOB]}.jsonl"'.encode()
        assert answer.get(b"content-type") == b"application/jsonl" and answer.get(b"cache-control") == b"no-store"
        assert answer.get(b"x-content-type-options") == b"nosniff"
    head = f"HEAD /visitors/{WHO[BOB]}/export.csv HTTP/1.1\r\nHost: localhost\r\n".encode()
    answer = site.ask(head + BEARER + b"\r\n", "HEAD")
    assert answer.status == 200 and answer.get(b"content-disposition").endswith(b'.csv"')


def test_the_page_leads_to_the_files_and_to_the_question(site):
    soup = site.page(f"/visitors/{WHO[BOB]}")
    links = [link["href"] for link in soup.select(".keep a")]
    assert links == [f"/visitors/{WHO[BOB]}/{end}" for end in ("export.jsonl", "export.csv", "forget")]
    assert all(site.get(link).status == 200 for link in links)
    assert not any("forget" in link["href"] for link in site.page(f"/visitors/{WHO[BOT]}").select("a"))


@pytest.mark.parametrize("path", ["export.jsonl", "export.csv", "forget", "forget.json"])
def test_without_the_token_or_under_another_name_there_is_nothing(site, path):
    for who in (WHO[ANN], "nobody"):
        assert site.get(f"/visitors/{who}/{path}", signed_in=False).status == 401
        assert post(site, f"/visitors/{who}/{path}", OURS).status == 401
        assert site.get(f"/visitors/{who}/{path}", host="evil.example").status == 421
        assert post(site, f"/visitors/{who}/{path}", host="evil.example").status == 421
    assert events_of(site.store, ANN)


@pytest.mark.parametrize("who", ["x", "%00", "%ff", "..", "%3Cscript%3E", "a" * 3_000, "0" * 32, "%22onclick=%22"])
def test_whoever_is_not_there_is_told_to_be_so(site, who):
    for format in ("jsonl", "csv"):
        answer = site.get(f"/visitors/{who}/export.{format}")
        assert answer.status == 404 and json.loads(answer.body)["error"] == "not_found"
    for answer in (site.get(f"/visitors/{who}/forget"), post(site, f"/visitors/{who}/forget")):
        assert answer.status == 404 and "footfall forget UUID" in said(answer)
        assert b"<script>" not in answer.body and not BeautifulSoup(answer.body, "html5lib").select("[onclick]")
    assert json.loads(post(site, f"/visitors/{who}/forget.json").body)["error"] == "nobody"


class Failing(ReportKeeper):
    """A store that gives out on the way."""

    def __init__(self, store: Path, after: int) -> None:
        real = keeper_of(store)
        super().__init__(real._config, real._erasure_keys)
        self._after = after

    def export(self, uuid: str) -> Generator[Event, None, None]:
        for number, event in enumerate(super().export(uuid)):
            if number == self._after:
                raise StoreUnavailable("footfall.db: disk I/O error")
            yield event


@pytest.mark.parametrize("after", [0, PIECE_LINES - 1, PIECE_LINES, 3 * PIECE_LINES + 7])
def test_a_file_that_could_not_be_made_to_its_end_does_not_look_whole(tmp_path, after):
    store = tmp_path / "footfall.db"
    told(store, many=True)
    with report(store, keeper=lambda path: Failing(path, after)) as site:
        for _ in range(EXPORTS + 2):  # a place is free again each time
            answer = site.get(f"/visitors/{WHO[MANY]}/export.jsonl")
            if after < PIECE_LINES:
                assert answer.status == 503 and json.loads(answer.body)["error"] == "store_unavailable"
            else:
                assert answer.status == 200 and not answer.whole
                lines = answer.body.decode().splitlines()
                assert len(lines) == after // PIECE_LINES * PIECE_LINES and all(map(json.loads, lines))
        assert site.get(f"/visitors/{WHO[MANY]}").status == 200


class Endless(ReportKeeper):
    """A visitor of whom there is ever more; `given` counts the events."""

    given = 0

    def __init__(self, store: Path) -> None:
        real = keeper_of(store)
        super().__init__(real._config, real._erasure_keys)

    def export(self, uuid: str) -> Generator[Event, None, None]:
        event = next(super().export(uuid))
        while True:
            type(self).given += 1
            yield event


def test_a_file_is_made_as_it_is_taken_and_given_up_with_who_takes_it(tmp_path):
    store = tmp_path / "footfall.db"
    told(store)
    with report(store, keeper=Endless) as site:
        request = f"GET /visitors/{WHO[BOB]}/export.jsonl HTTP/1.1\r\nHost: localhost\r\n".encode() + BEARER + b"\r\n"
        wires = [site.served.connect() for _ in range(EXPORTS)]
        for wire in wires:
            wire.send(request)
            assert b"200" in wire.head()[0]
        many = site.get(f"/visitors/{WHO[BOB]}/export.jsonl")
        assert many.status == 503 and json.loads(many.body)["error"] == "too_many_exports" and many.get(b"retry-after")

        def is_still() -> bool:
            before = Endless.given
            return not eventually(lambda: Endless.given != before, 0.5)

        assert eventually(is_still)  # nobody reads: no more is made
        assert site.get("/").status == 200
        for wire in wires:
            wire.close()
        wire = site.served.connect()

        def is_free() -> bool:
            nonlocal wire
            wire.close()
            wire = site.served.connect()
            wire.send(request)
            return b"200" in wire.head()[0]

        assert eventually(is_free)
        wire.close()
        assert eventually(is_still)


# Forgetting --------------------------------------------------------------------------------------------------------


def test_a_page_asks_first_and_asking_changes_nothing(site):
    before = events_of(site.store, ANN)
    asked = site.page(f"/visitors/{WHO[TWIN]}/forget")
    text = words(asked.main.text)
    assert "Forget this visitor?" in text and "1 session, 2 page views and 1 other event since" in text
    assert "cannot be undone" in text
    [form] = asked.main("form")
    own = form["action"].removesuffix("/forget")
    assert form["method"] == "post" and own in (f"/visitors/{WHO[ANN]}", f"/visitors/{WHO[TWIN]}")
    assert form.a["href"] == own and words(form.a.text) == "Keep" and words(form.button.text) == "Forget"
    assert site.json(f"/visitors/{WHO[ANN]}/forget.json")["views"] == 2
    assert site.get(f"/visitors/{WHO[ANN]}/forget?_method=POST").status == 200
    assert events_of(site.store, ANN) == before > 0


@pytest.mark.parametrize("by", [ANN, TWIN])
def test_whoever_is_forgotten_is_gone_and_the_receipt_is_the_commands(tmp_path, by):
    store, beside = tmp_path / "footfall.db", tmp_path / "beside"
    told(store)
    beside.mkdir()
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute(f"VACUUM INTO '{tmp_path / 'old.db'}'")
    for file in ("footfall.db", "old.db"):
        shutil.copy(tmp_path / file, beside / file)
    with report(store) as site:
        watching = site.watch()
        answer = post(site, f"/visitors/{WHO[by]}/forget.json", BEARER + OURS)
        receipt = json.loads(answer.body)
        assert answer.status == 200 and receipt.pop("is_whole")
        told_by_command = json.loads(command(beside, "forget", WHO[by], "--json"))
        for one, where in ((receipt, tmp_path), (told_by_command, beside)):
            assert one["copies"] == {str(where / "old.db"): True}
            assert {one.pop("visitor")} <= {WHO[ANN], WHO[TWIN]}
            one.pop("copies")
        assert receipt == told_by_command and receipt["sessions"] == 1 and len(receipt["uuids"]) == 2
        assert receipt["events"] == {"link.click": 1, "page.visit": 2, "session.start": 1}
        for who in (ANN, TWIN):
            assert files_with(store, who) == ["old.db"]
            assert site.get(f"/visitors/{WHO[who]}").status == 404
            assert post(site, f"/visitors/{WHO[who]}/forget").status == 404
        assert events_of(store, BOB) and "old.db" in files_with(store, BOB)
        site.write(visit("Q9", BOB, 2 * MINUTE, came_back=True))
        assert any(line["uuid"] == WHO[BOB] for line in watching.lines())
        watching.close()
        assert WHO[ANN] not in site.get("/visitors.json").body.decode()
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_receipt_is_a_page_that_names_what_went_and_what_still_has_it(tmp_path):
    store = tmp_path / "footfall.db"
    told(store)
    shutil.copy(store, tmp_path / "a copy.db")
    with report(store) as site:
        cookie = site.get(f"/?token={TOKEN}", signed_in=False).get(b"set-cookie").split(b";")[0]
        origin = b"Origin: http://localhost:%d\r\n" % site.served.port
        form = b"Content-Type: application/x-www-form-urlencoded\r\n"
        answer = post(site, f"/visitors/{WHO[ANN]}/forget", b"Cookie: " + cookie + b"\r\n" + form + origin, b"a=b")
        text = said(answer)
        assert answer.status == 200 and text.startswith("Forgotten ") and WHO[ANN] in text
        for told_so in ("And 1 uuid of the same visitor", "page.visit 2", "link.click 1", "sessions 1", "only once"):
            assert told_so in text, text
        assert "14 Nov 2023" in text
        assert f"A copy still has this visitor: {tmp_path / 'a copy.db'}" in text
        assert answer.get(b"cache-control") == b"no-store" and b"form-action 'self'" in answer.get(
            b"content-security-policy"
        )
        again = post(site, f"/visitors/{WHO[ANN]}/forget")
        assert again.status == 404 and "forgotten" in said(again)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (BEARER + b"Sec-Fetch-Site: cross-site\r\n", 403),
        (BEARER + b"Sec-Fetch-Site: same-site\r\nOrigin: http://localhost:1\r\n", 403),
        (BEARER + b"Sec-Fetch-Site: none\r\n", 403),
        (BEARER + b"Origin: http://evil.example\r\n", 403),
        (BEARER + b"Origin: http://localhost:1\r\n", 403),
        (BEARER + b"Origin: null\r\n", 403),
        (BEARER, 403),
        (OURS, 401),
        (OURS + b"Authorization: Bearer wrong\r\n", 401),
        (OURS + b"Cookie: footfall_report=wrong\r\n", 401),
    ],
)
def test_nobody_elses_form_forgets_anybody(site, fields, status):
    before = site.store.read_bytes()
    for end in ("forget", "forget.json", f"forget?token={TOKEN}"):
        assert post(site, f"/visitors/{WHO[ANN]}/{end}", fields).status == status
    assert site.store.read_bytes() == before and events_of(site.store, ANN) == 4


def test_only_a_post_of_bearable_size_forgets(site):
    for how in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert post(site, f"/visitors/{WHO[ANN]}/forget", how=how).status == 405
    for end in ("export.jsonl", "export.csv"):
        assert post(site, f"/visitors/{WHO[ANN]}/{end}").status == 405
    answer = post(site, f"/visitors/{WHO[ANN]}/forget", body=b"x=" + b"y" * 100_000)
    assert answer.status == 400 and "Nothing was changed" in said(answer)
    assert events_of(site.store, ANN) == 4


def test_a_crawler_is_not_forgotten(site):
    assert "crawler" in said(site.get(f"/visitors/{WHO[BOT]}/forget"))
    answer = post(site, f"/visitors/{WHO[BOT]}/forget")
    assert answer.status == 409 and "crawler" in said(answer) and events_of(site.store, BOT)


def test_a_store_that_is_held_by_another_process_is_explained_and_nothing_is_lost(site):
    other = sqlite3.connect(site.store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        answer = post(site, f"/visitors/{WHO[ANN]}/forget")
        text = said(answer)
        assert answer.status == 503 and "Nothing was changed" in text and "locked" in text and "try again" in text
        assert site.get("/").status == 200 and "Traceback" not in text
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert events_of(site.store, ANN) == 4
    assert post(site, f"/visitors/{WHO[ANN]}/forget").status == 200 and events_of(site.store, ANN) == 0


class Broken(ReportKeeper):
    """`wrong` is raised when the visitor is forgotten already."""

    def __init__(self, store: Path, wrong: Exception) -> None:
        real = keeper_of(store)
        super().__init__(real._config, real._erasure_keys)
        self._wrong = wrong

    def forget(self, uuid: str) -> dict[str, object]:
        super().forget(uuid)
        raise self._wrong


@pytest.mark.parametrize(
    ("wrong", "status", "told_so"),
    [
        (StoreUnavailable("footfall.db: disk full"), 503, "footfall.db: disk full The store failed on the way"),
        (NotSearched("old.db could not be searched"), 200, "old.db could not be searched All that the store had"),
    ],
)
def test_what_has_become_of_the_visitor_is_said_whatever_failed(tmp_path, wrong, status, told_so):
    store = tmp_path / "footfall.db"
    told(store)
    with report(store, keeper=lambda path: Broken(path, wrong)) as site:
        answer = post(site, f"/visitors/{WHO[ANN]}/forget")
        assert answer.status == status and told_so in said(answer)
        assert post(site, f"/visitors/{WHO[ANN]}/forget").status == 404


class Slow(ReportKeeper):
    """It has too much to be counted."""

    def __init__(self, store: Path) -> None:
        real = keeper_of(store)
        super().__init__(real._config, real._erasure_keys)

    def held(self, uuid: str) -> Held:
        raise Late("held_sums")


def test_whoever_has_too_much_to_be_counted_is_forgotten_all_the_same(tmp_path):
    store = tmp_path / "footfall.db"
    told(store)
    with report(store, keeper=Slow) as site:
        asked = site.get(f"/visitors/{WHO[ANN]}/forget")
        assert asked.status == 200 and "could not be counted" in said(asked) and b"<button>Forget" in asked.body
        assert post(site, f"/visitors/{WHO[ANN]}/forget").status == 200
        assert events_of(store, ANN) == 0


def test_a_store_that_is_gone_is_no_reason_to_make_one(site):
    for file in list(site.store.parent.iterdir()):
        file.unlink()
    answer = post(site, f"/visitors/{WHO[ANN]}/forget")
    assert answer.status == 503 and "no such file" in said(answer)
    assert site.get(f"/visitors/{WHO[ANN]}/export.jsonl").status == 503
    assert list(site.store.parent.iterdir()) == []


def test_what_takes_long_goes_on_when_nobody_waits(tmp_path):
    store = tmp_path / "footfall.db"
    told(store, many=True)
    with report(store, forget_seconds=0.0) as site:
        answer = post(site, f"/visitors/{WHO[MANY]}/forget")
        assert answer.status == 202 and "still being forgotten" in said(answer)
        assert eventually(lambda: events_of(store, MANY) == 0)
        assert eventually(lambda: files_with(store, MANY) == [])
