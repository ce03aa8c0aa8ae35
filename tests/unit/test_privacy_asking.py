"""Asking the store for visitors: a few at once, each for a bounded time, whatever the store does."""

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

from proxy.events.event import Event
from proxy.privacy.asking import (
    DOWNLOAD_SECONDS,
    DOWNLOADS,
    LATEST_SHOWN,
    READERS,
    READERS_WAITING,
    STEP_EVENTS,
    Download,
    HeldFiles,
    Unreadable,
    pieces_of,
)
from proxy.store.base import Query, StoreUnavailable
from proxy.store.questions import Late
from proxy.store.questions.held import Held

ANN = b"a" * 16
HEAD = {"site": "s"}


class Store:
    """Both sides of a store, of which a test says what it does; `closed`: how many readers were given back."""

    def __init__(self, number: int = 3, fails: Exception | None = None, after: int = 0) -> None:
        self.number, self.fails, self.after = number, fails, after
        self.open = threading.Event()
        self.open.set()
        self.closed = 0
        self.threads: set[int] = set()

    def held(self, uuid: bytes, latest: int) -> Held:
        assert latest == LATEST_SHOWN
        self.open.wait(20)
        if self.fails:
            raise self.fails
        return Held(views=self.number)

    def export(self, query: Query) -> Iterator[Event]:
        assert query == Query(visitor=ANN)
        self.open.wait(20)
        for seq in range(self.number):
            self.threads.add(threading.get_ident())
            if self.fails and seq >= self.after:
                raise self.fails
            yield Event(seq, "id", "page.visit", 1, 2, "uuid", "person", params={"title": "\ud800"})

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed += 1


def files(store: Store) -> HeldFiles:
    return HeldFiles(lambda: store, lambda: store)


async def whole(file: Download) -> dict[str, object]:
    try:
        return dict(json.loads(b"".join([piece async for piece in file])))
    finally:
        file.close()


FAULTS = [StoreUnavailable("gone"), Late("held_sums"), ValueError("{"), KeyError("x"), TypeError("None")]


@pytest.mark.parametrize("fault", FAULTS, ids=[type(fault).__name__ for fault in FAULTS])
def test_whatever_is_wrong_with_the_store_is_unreadable(fault):
    store = Store(fails=fault)

    async def story() -> None:
        with pytest.raises(Unreadable):
            await files(store).held(ANN)
        with pytest.raises(Unreadable):
            await files(store).download(ANN, HEAD)

    asyncio.run(story())
    assert store.closed == 2


def test_a_store_that_cannot_be_opened_is_unreadable():
    def fail() -> Store:
        raise StoreUnavailable("no such file")

    async def story() -> None:
        for ask in (HeldFiles(fail, fail).held(ANN), HeldFiles(fail, fail).download(ANN, HEAD)):
            with pytest.raises(Unreadable):
                await ask

    asyncio.run(story())


def test_a_store_that_hangs_is_given_up_and_no_more_than_a_few_wait_for_it():
    store = Store()
    store.open.clear()

    async def story() -> None:
        asked = HeldFiles(lambda: store, lambda: store, read_seconds=0.2)
        waiting = [asyncio.ensure_future(asked.held(ANN)) for _ in range(READERS + READERS_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unreadable, match="too many"):
            await asked.held(ANN)
        assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {Unreadable}
        store.open.set()
        assert (await asked.held(ANN)).views == 3

    asyncio.run(story())


def test_a_file_is_made_in_one_thread_and_its_reader_given_back():
    store = Store(2 * STEP_EVENTS + 1)

    async def story() -> dict[str, object]:
        return await whole(await files(store).download(ANN, {"site": "s"}))

    file = asyncio.run(story())
    assert (file["site"], file["complete"]) == ("s", True)
    assert isinstance(file["events"], list) and len(file["events"]) == store.number
    assert store.closed == 1 and len(store.threads) == 1 and threading.get_ident() not in store.threads


@pytest.mark.parametrize("number", [0, 1, STEP_EVENTS - 1, STEP_EVENTS, STEP_EVENTS + 1])
def test_a_file_of_any_length_is_a_whole_document(number):
    file = json.loads(b"".join(pieces_of(lambda: Store(number), ANN, {"made": 1})))
    assert len(file["events"]) == number and file["complete"] is True


def test_a_file_that_breaks_off_says_so():
    store = Store(3 * STEP_EVENTS, StoreUnavailable("disk"), after=STEP_EVENTS + 5)
    file = json.loads(b"".join(pieces_of(lambda: store, ANN, HEAD)))
    assert len(file["events"]) == STEP_EVENTS and file["complete"] is False and store.closed == 1


def test_a_file_that_takes_too_long_says_so():
    times = iter([0.0, 1.0, DOWNLOAD_SECONDS + 1])
    file = json.loads(b"".join(pieces_of(lambda: Store(3 * STEP_EVENTS), ANN, HEAD, clock=times.__next__)))
    assert len(file["events"]) == STEP_EVENTS and file["complete"] is False


def test_few_files_are_made_at_once_and_one_that_is_given_up_makes_room():
    store = Store(10 * STEP_EVENTS)

    async def story() -> None:
        asked = files(store)
        some = [await asked.download(ANN, HEAD) for _ in range(DOWNLOADS)]
        with pytest.raises(Unreadable, match="too many"):
            await asked.download(ANN, HEAD)
        some[0].close()
        some[0].close()  # twice is once
        again = await asked.download(ANN, HEAD)
        with pytest.raises(Unreadable, match="too many"):
            await asked.download(ANN, HEAD)
        for file in (again, *some[1:]):
            assert (await whole(file))["complete"] is True

    asyncio.run(story())
    assert store.closed == DOWNLOADS + 1
