"""Two questions at once are about one state of the store, whoever writes meanwhile; none is lost."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from stories import MINUTE, SECOND, T, visit

from proxy.events.event import LANES
from proxy.report.aside import Aside
from proxy.report.overview import overview
from proxy.report.ranges import spanning
from proxy.store.questions import Late
from proxy.store.sqlite.questions import SqliteQuestions

MOMENTS = 150
HANG_SECONDS = 10
UNPROVEN = LANES.index("unproven")


def pages(engine, number: int, since: int = 0) -> None:
    engine.append(*(visit(f"p{n}", "ada", n * SECOND, path=f"/{n}") for n in range(since, since + number)))


def test_both_see_one_state_while_somebody_writes(engine):
    pages(engine, 1)
    over, written = threading.Event(), threading.Event()

    def write() -> int:
        number = 1
        while not over.is_set():
            pages(engine, 1, number)
            number += 1
            written.set()
            over.wait(0.002)
        return number

    seen, apart = set(), 0
    with ThreadPoolExecutor(1) as pool, engine.asked() as reader:
        number = pool.submit(write)
        try:
            for _ in range(MOMENTS):
                written.clear()
                with reader.moment(beside=True) as other:
                    apart += other is not reader
                    before = other.newest(), reader.newest()
                    assert written.wait(HANG_SECONDS)
                    assert (reader.newest(), other.newest()) == before == (before[0],) * 2
                    seen.add(before[0])
        finally:
            over.set()
    assert number.result() > MOMENTS and len(seen) > MOMENTS / 2 < apart


class Interrupted(SqliteQuestions):
    """Somebody writes before each look at what has changed."""

    write = staticmethod(lambda: None)

    def change(self) -> int:
        self.write()
        return super().change()


def test_where_somebody_writes_in_between_each_time_one_asks_after_the_other(engine):
    pages(engine, 3)
    numbers = iter(range(3, 1_000))
    Interrupted.write = staticmethod(lambda: pages(engine, 1, next(numbers)))
    reader = Interrupted(engine.place)
    with reader.moment(beside=True) as other:
        assert other is reader
        newest = reader.newest()
        pages(engine, 1, next(numbers))
        assert reader.newest() == newest
    assert reader.newest() == newest + 1
    with reader.moment() as other:
        assert other is reader
    reader.close()


def test_a_file_that_is_put_in_anothers_place_is_not_asked_beside_it(engine, tmp_path):
    pages(engine, 2)
    with engine.asked() as reader:
        newest = reader.newest()
        engine.close()
        engine.place.rename(tmp_path / "old.db")
        pages(engine, 1)
        with reader.moment(beside=True) as other:
            assert other is reader and reader.newest() == newest
        with engine.asked() as other:
            assert other.newest() < newest


def test_where_there_can_be_no_other_one_asks_alone(engine, tmp_path):
    pages(engine, 2)
    with engine.asked() as reader:
        newest = reader.newest()
        engine.close()
        engine.place.rename(tmp_path / "old.db")
        with reader.moment(beside=True) as other:
            assert other is reader and reader.newest() == newest


class Broken(SqliteQuestions):
    """Another connection that fails once it is to begin."""

    opened = 0

    def __init__(self, *given, **more) -> None:
        super().__init__(*given, **more)
        Broken.opened += 1
        self.number = Broken.opened

    def change(self) -> int:
        if self.number == 2:
            self.close()  # what it is asked from now on, SQLite itself refuses
        return super().change()


def test_who_could_not_begin_can_begin_again(engine):
    pages(engine, 2)
    reader = Broken(engine.place)
    with pytest.raises(sqlite3.ProgrammingError), reader.moment(beside=True):
        raise AssertionError
    with reader.moment():
        assert reader.newest() > 0
    with reader.moment(beside=True) as other:
        assert other is not reader and other.newest() == reader.newest()
    reader.close()


def test_the_page_is_the_same_whether_asked_at_once_or_one_after_the_other(engine):
    pages(engine, 30)
    span = spanning(T, T + MINUTE, None)
    with engine.asked() as reader:
        at_once = overview(reader, span, UNPROVEN, limit=10, now_ms=T + MINUTE)
    numbers = iter(range(3_000, 4_000))  # of a later time
    Interrupted.write = staticmethod(lambda: pages(engine, 1, next(numbers)))
    alone = Interrupted(engine.place)
    assert overview(alone, span, UNPROVEN, limit=10, now_ms=T + MINUTE) == at_once
    assert at_once["pages"]["rows"] and at_once["late"] == [] and next(numbers) > 3_000
    alone.close()


def test_a_question_that_takes_too_long_beside_the_others_is_late_as_well(engine):
    pages(engine, 2)
    with engine.asked() as reader, reader.moment(beside=True) as other, Aside(reader, other) as aside:

        def late(one):
            raise Late("clicks")

        answer = aside.start(late)
        after = aside.start(lambda one: one.newest())
        with pytest.raises(Late):
            answer()
        assert after() == reader.newest()


def test_what_the_other_thread_has_not_come_to_is_asked_by_who_wants_it(engine):
    pages(engine, 2)
    go, begun = threading.Event(), threading.Event()

    def slow(one):
        begun.set()
        assert go.wait(HANG_SECONDS)
        return one, threading.current_thread()

    with engine.asked() as reader, reader.moment(beside=True) as other, Aside(reader, other) as aside:
        first = aside.start(slow)
        second = aside.start(lambda one: (one, threading.current_thread()))
        assert begun.wait(HANG_SECONDS)
        assert second() == (reader, threading.current_thread())
        go.set()
        asked, thread = first()
        assert asked is other is not reader and thread is not threading.current_thread()


def test_who_gives_up_waits_for_what_is_asked_and_asks_nothing_more(engine):
    pages(engine, 2)
    asked = []
    with engine.asked() as reader:
        with pytest.raises(ZeroDivisionError), reader.moment(beside=True) as other, Aside(reader, other) as aside:
            for _ in range(100):
                aside.start(lambda one: asked.append(one.newest()))
            raise ZeroDivisionError
        number = len(asked)
        assert number < 100
        assert reader.newest() > 0 and len(asked) == number
