"""The live feed without its server: what waits for a watcher is bounded, and everybody is told each line once."""

import asyncio
import json
from dataclasses import replace

import pytest
from stories import T, confirm, page, visit

from proxy.report import live, poll
from proxy.report.asked import Position
from proxy.report.live import WAITING, WAITING_BYTES, Feed, Watcher, message_of, skipped_text
from proxy.report.pages import Templates
from proxy.report.poll import Poll
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

LATEST = Position()
PATIENCE_SECONDS = 10.0


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "store.db", visit("P0", "V0"))
    return tmp_path / "store.db"


def write(path, *items):
    writer = SqliteWriter(path, durability="process", rules=Rules())
    writer.append(items)
    writer.close()


def shown(line, several_hosts):
    return {"seq": line["seq"]}


def seqs(told: bytes) -> list[int]:
    data = [json.loads(line[6:]) for line in told.decode().splitlines() if line.startswith("data: ")]
    return [line["seq"] for one in data for line in one.get("lines", ())]


# What waits --------------------------------------------------------------------------------------------------------


def test_what_waits_for_a_watcher_is_bounded_in_messages():
    watcher = Watcher(LATEST)
    assert all(watcher.put(b"x") for _ in range(WAITING))
    assert not watcher.put(b"x") and watcher.ended


def test_what_waits_for_a_watcher_is_bounded_in_bytes():
    watcher, piece = Watcher(LATEST), b"x" * (WAITING_BYTES // 4)
    assert all(watcher.put(piece) for _ in range(4))
    assert not watcher.put(b"x") and watcher.ended


def test_what_was_taken_waits_no_more_and_nothing_waits_for_who_was_let_go():
    async def taking() -> None:
        watcher, piece = Watcher(LATEST), b"x" * (WAITING_BYTES // 4)
        for _ in range(10):
            assert all(watcher.put(piece) for _ in range(3))
            assert await watcher.take(0) == 3 * piece
        while watcher.put(piece):
            pass
        assert await watcher.take(0) == b""

    asyncio.run(taking())


def test_the_largest_message_fits(path):
    """Every line of it new and as long as can be, and as many turned."""
    templates = Templates(zone=None, clock_ms=lambda: T, site="", version="")
    reader = SqliteQuestions(path)
    feed = Feed(lambda: reader, templates.shown, lambda: T)
    wide = "\N{AMPHORA}" * 900
    write(
        path,
        replace(visit("P1", "V1"), uri=f"https://{wide}.example/{wide}"),
        confirm("C1", page("P1"), "V1", 9, title=wide)._replace(uri=f"https://{wide}.example/{wide}"),
    )
    line = reader.after(0, 1)
    news = poll.News(line * poll.BATCH, line * poll.UNSETTLED, 7)
    asked = Poll(reader, None)
    assert len(feed._message(asked, news, several_hosts=True)) < WAITING_BYTES / 2
    reader.close()


# Told once ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["read", "shown"])
def test_who_joins_while_a_message_is_made_is_told_its_lines_once(path, moment):
    """Its lines are news to those who watch, and are among what the newcomer has missed."""
    loop_of: list[asyncio.AbstractEventLoop] = []
    late: list[Watcher] = []

    async def join() -> None:
        late.append(feed.join(Position(2)))

    def meet(now: str) -> None:
        if now == moment and not late:
            asyncio.run_coroutine_threadsafe(join(), loop_of[0]).result(PATIENCE_SECONDS)

    class Questions(SqliteQuestions):
        def has_several_hosts(self) -> bool:
            if self.newest() > 2:
                meet("read")
            return super().has_several_hosts()

    def met(line, several_hosts):
        if line["seq"] > 2:
            meet("shown")
        return shown(line, several_hosts)

    feed = Feed(lambda: Questions(path), met, lambda: T)

    async def told_of(watcher: Watcher, until: int) -> list[int]:
        seen: list[int] = []
        while until not in seen:
            seen += seqs(await watcher.take(PATIENCE_SECONDS))
        return seen

    async def watching() -> tuple[list[int], list[int]]:
        loop_of.append(asyncio.get_running_loop())
        first = feed.join(Position(2))
        await first.take(PATIENCE_SECONDS)  # nothing was missed
        await asyncio.to_thread(write, path, visit("P1", "V1", 1_000))
        told = await told_of(first, 4)
        await asyncio.to_thread(write, path, visit("P2", "V2", 2_000))
        told += await told_of(first, 6)
        newcomer = await told_of(late[0], 6)
        feed.stop()
        return told, newcomer

    assert asyncio.run(watching()) == ([3, 4, 5, 6], [3, 4, 5, 6])


def test_of_lines_that_are_too_many_their_number_is_told(path):
    reader = SqliteQuestions(path)
    asked = Poll(reader, None)
    asked.news()
    for count, skipped in ((poll.BATCH, 0), (poll.BATCH + 1, 1), (poll.BATCH + 77, 77), (3, 0)):
        first = reader.newest() + 1
        write(path, *(visit(f"{first}{n}", "V0", n, came_back=True) for n in range(count)))
        news = asked.news()
        assert (len(news.lines), news.skipped) == (min(count, poll.BATCH), skipped)
        missed = asked.missed(first - 1)
        assert (len(missed.lines), missed.skipped) == (min(count, poll.BATCH), skipped)
        assert asked.missed(first).skipped == max(0, skipped - 1)
    assert asked.missed(0).skipped == 0  # who was told nothing is told the latest
    reader.close()


def test_what_is_left_out_is_counted_up_to_a_limit(monkeypatch, path):
    write(path, *(visit(f"{n}", "V0", n, came_back=True) for n in range(400)))
    monkeypatch.setattr(poll, "COUNTED", 100)
    monkeypatch.setattr(live, "COUNTED", 100)
    reader = SqliteQuestions(path)
    assert Poll(reader, None).missed(2).skipped == 101
    assert skipped_text(101) == "and more than 100 more" and skipped_text(100) == "and 100 more"
    reader.close()


# Which store -------------------------------------------------------------------------------------------------------


def test_a_store_is_known_again_and_another_one_is_not_taken_for_it(tmp_path):
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    for path, who in ((one, "V1"), (other, "V2")):
        write(path)
        reader = SqliteQuestions(path)
        assert reader.identity() == ""
        reader.close()
        write(path, visit("P1", who))
    readers = [SqliteQuestions(path) for path in (one, one, other)]
    first, again, another = (reader.identity() for reader in readers)
    assert first == again != another
    write(one, *(visit(f"{n}", f"v{n}", n) for n in range(50)))
    assert readers[0].identity() == first
    for reader in readers:
        reader.close()


def test_a_file_that_is_begun_anew_is_another_store(tmp_path):
    """The number of a file that is gone is given to the next one."""
    path = tmp_path / "store.db"
    write(path, visit("P1", "V1"))
    reader = SqliteQuestions(path)
    before = reader.identity()
    reader.close()
    write(tmp_path / "other.db", visit("P1", "V2"))
    path.write_bytes((tmp_path / "other.db").read_bytes())
    reader = SqliteQuestions(path)
    assert reader.is_current() and reader.identity() != before
    reader.close()


@pytest.mark.parametrize(
    ("seq", "store", "is_other"),
    [
        (0, "", False),
        (0, "another", False),
        (2, "", False),
        (2, "same", False),
        (2, "another", True),
        (3, "same", True),
    ],
)
def test_how_far_somebody_was_told_is_believed_of_the_same_store_only(path, seq, store, is_other):
    reader = SqliteQuestions(path)
    told = Position(seq, reader.identity() if store == "same" else store)
    asked = Poll(reader, told)
    assert asked.is_other == is_other and asked.last == (2 if is_other else seq)
    reader.close()


def test_a_message_is_one_event_whatever_is_in_it():
    message = message_of("lines", {"a": "b\n\ndata: c\r\u2028\ud800"}, Position(7, "ab"))
    assert message.startswith(b"id: 7-ab\nevent: lines\ndata: ") and message.count(b"\n") == 4
    assert b"\r" not in message and message.endswith(b"\n\n")
