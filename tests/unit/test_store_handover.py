"""What workers hand over to the process that writes for all of them: real sockets, real stores, several givers."""

import os
import pickle
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from stories import HOUR, MINUTE, Engine, T, confirm, confirmed, does, ident, name_of, page, sends, sqlite, sweep, visit
from takers import PATIENCE_SECONDS, SECRETS, Door, Worker, read

from proxy.store.base import (
    Forget,
    Forgotten,
    Item,
    Once,
    Result,
    StoreDamaged,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
    Swept,
    Visit,
    Writer,
)
from proxy.store.counters import Outcomes
from proxy.store.handover.frames import LENGTH, Frames, framed
from proxy.store.handover.giving import KNOCK
from proxy.store.handover.taking import BATCH_ITEMS
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.erased import Erased
from proxy.visitors.sessions import Rules


class Shared(Door):
    """A door before a real store."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def start(self, open_writer: Callable[[Erased], Writer] | None = None) -> None:
        super().start(open_writer or self.store)

    def store(self, erased: Erased) -> SqliteWriter:
        return SqliteWriter(self.engine.place, durability="process", rules=Rules(), erased=erased)

    def worker(self, erased: Erased | None = None) -> Worker:
        return Worker(self.giving, erased or Erased(SECRETS))


@pytest.fixture
def shared(tmp_path) -> Iterator[Shared]:
    made = Shared(sqlite(tmp_path / "store.db"))
    yield made
    made.end()


def failing(shared: Shared, faults: list[Exception]) -> Callable[[Erased], Writer]:
    """Opens the store when these have been raised."""

    def open_writer(erased: Erased) -> Writer:
        if faults:
            raise faults.pop()
        return shared.store(erased)

    return open_writer


def visits(shared: Shared) -> list[str]:
    return [event.id for event in shared.engine.events() if event.action == "page.visit"]


def test_each_worker_hears_what_became_of_its_own_batch(shared):
    shared.start()
    with shared.worker() as one, shared.worker() as other:
        assert one.append([visit("P1", "A"), visit("P2", "B", 1)]) == [None, None]
        assert other.append([confirm("C1", page("P1"), "A", MINUTE), visit("P3", "C")]) == [confirmed("A"), None]
        event = does("link.click", "E1", name="Buy")
        assert one.append([sends(page("P2"), "B", event, at=MINUTE)]) == [confirmed("B", stored=1)]
        assert other.append([]) == []
        assert other.append([sweep(2 * HOUR)]) == [Swept(3)]
        assert repr(one.giver).startswith("<SocketGiver ")
    assert len(visits(shared)) == 3
    assert shared.engine.recount(shared.engine.place) == []


def test_what_comes_of_several_at_once_is_stored_once_and_each_is_answered(shared):
    shared.start()

    def hand_over(number: int) -> None:
        with shared.worker() as worker:
            for turn in range(40):
                name = f"{number}{turn:02}"
                assert worker.append([visit(f"P{name}", f"V{number}", turn * 1_000)] * 2) == [None, None]

    threads = [threading.Thread(target=hand_over, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(visits(shared)) == len(set(visits(shared))) == 160
    assert shared.engine.recount(shared.engine.place) == []


def test_a_batch_and_results_that_no_buffer_holds_cross_whole(shared):
    shared.start()
    many = [confirm(f"C{n}", page(f"P{n}"), f"V{n}", n, title=f"{n:03} " * 500) for n in range(BATCH_ITEMS)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        socket.send_fds(shared.giving, [KNOCK], [theirs.fileno()])
        ours.sendall(framed(many))
        with shared.worker() as other:  # whom one who does not listen keeps from nothing
            assert other.append([visit("P1", "A")]) == [None]
        answer = Frames()
        while (told := answer.take()) is None:
            answer.put(ours.recv(1_000))
    assert told == (1, "", "", [confirmed(f"V{n}") for n in range(BATCH_ITEMS)], None)
    assert len(framed(many)) > 2_000_000 and len(framed(told)) > 30_000
    with shared.worker() as worker:
        for _ in range(2):
            assert worker.append(many) == [confirmed(f"V{n}", repeated=True) for n in range(BATCH_ITEMS)]
            assert worker.append([visit("P1", "A")]) == [None]


@pytest.mark.parametrize("kind", [StoreUnavailable, StoreUnusable, StoreDamaged, StoreError])
def test_what_is_wrong_with_the_store_is_told_as_it_is_and_the_store_is_opened_again(shared, kind):
    faults = [kind("footfall.db: it is so")]

    shared.start(failing(shared, faults))
    with shared.worker() as worker:
        with pytest.raises(kind, match=r"footfall\.db: it is so") as raised:
            worker.append([visit("P1", "A")])
        assert type(raised.value) is kind
        assert worker.append([visit("P1", "A")]) == [None]
    assert len(visits(shared)) == 1


def test_a_fault_of_ours_is_logged_once_where_it_happened_and_ends_nothing(shared, caplog):
    faults = [ZeroDivisionError("ours") for _ in range(3)]

    shared.start(failing(shared, faults))
    with shared.worker() as worker:
        for _ in range(3):
            with pytest.raises(StoreError, match="ours"):
                worker.append([visit("P1", "A")])
        assert worker.append([visit("P1", "A")]) == [None]
    assert [(record.message, record.exc_info[0]) for record in caplog.records] == [
        ("a batch could not be written", ZeroDivisionError)
    ]


def test_a_batch_whose_answer_was_lost_is_tried_again_and_counted_once(shared):
    """Stored by a process that ended before it could say so: what a kill -9 at the worst moment looks like."""
    batch = [visit("P1", "A"), Once(b"sender 1", 1, T, Outcomes(((19_000, "a", "visit", 3),)))]
    lost = shared.worker()

    def take() -> None:
        with shared.take() as theirs:
            shared.engine.append(*read(theirs))

    thread = threading.Thread(target=take)
    thread.start()
    with pytest.raises(StoreUnavailable, match="has ended"):
        lost.append(batch)
    thread.join(PATIENCE_SECONDS)
    assert lost.giver.is_closed
    lost.close()
    shared.start()
    with shared.worker() as worker:
        assert worker.append(batch) == [None, None]
        assert worker.append([Once(b"sender 1", 2, T, Outcomes(((19_000, "a", "visit", 1),)))]) == [None]
    assert len(visits(shared)) == 1
    assert shared.engine.outcomes() == [(19_000, "a", "visit", 4)]


OK = (1, "", "", None, None)


@pytest.mark.parametrize(
    "answer",
    [
        framed((1, "StoreBusy", "of another version", None, None)),
        framed((1, "", "")),
        framed((2, "", "", None, None)),
        framed((0, "", "", None, None)),
        LENGTH.pack(3) + b"odd",
    ],
)
def test_an_answer_that_is_none_is_told_whoever_waits_and_is_the_last_of_its_connection(shared, answer):
    worker = shared.worker()

    def take() -> None:
        with shared.take() as theirs:
            read(theirs)
            theirs.sendall(answer)
            assert theirs.recv(1) == b""

    thread = threading.Thread(target=take)
    thread.start()
    with pytest.raises(StoreError, match="what the process that writes the store answers cannot be read"):
        worker.append([visit("P1", "A")])
    worker.close()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert worker.giver.is_closed


def test_an_answer_to_nothing_is_the_last_of_its_connection(shared):
    worker = shared.worker()

    def take() -> None:
        with shared.take() as theirs:
            read(theirs)
            theirs.sendall(framed(OK) * 2)
            assert theirs.recv(1) == b""

    thread = threading.Thread(target=take)
    thread.start()
    assert worker.append([visit("P1", "A")]) == [None]
    assert worker.giver.is_closed
    worker.close()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_several_batches_under_way_are_answered_in_their_order_each_with_its_own(shared):
    """Beside another worker's, while the store is slow: they come together in one transaction."""
    begun, over, batches = threading.Event(), threading.Event(), list[int]()

    class Slow:
        def __init__(self, writer: Writer) -> None:
            self.writer, self.rest, self.close = writer, writer.rest, writer.close

        def append(self, batch: Sequence[Item]) -> list[Result]:
            begun.set()
            assert over.wait(PATIENCE_SECONDS)
            batches.append(len(batch))
            return self.writer.append(batch)

    shared.start(lambda erased: Slow(shared.store(erased)))
    many: list[list[Item]] = [[visit("P0", "A")]]
    many += [[visit(f"P{n}", f"V{n}", n), confirm(f"C{n}", page(f"P{n}"), f"V{n}", n)] for n in range(1, 20)]
    heard: list[object] = []
    with shared.worker() as one, shared.worker() as other:
        thread = threading.Thread(target=lambda: heard.extend(one.append_all(many)))
        thread.start()
        assert begun.wait(PATIENCE_SECONDS)
        beside = threading.Thread(target=other.append, args=([visit("Q1", "B")],))
        beside.start()
        threading.Timer(0.2, over.set).start()
        for one_thread in (thread, beside):
            one_thread.join(PATIENCE_SECONDS)
    assert heard == [[None], *([None, confirmed(f"V{n}")] for n in range(1, 20))]
    assert sum(batches) == 40 and len(batches) < 10
    assert {name_of(one) for one in visits(shared)} == {"Q1", *(f"P{n}" for n in range(20))}
    assert shared.engine.recount(shared.engine.place) == []


def test_after_a_fault_nothing_more_is_taken_of_a_connection_so_that_all_of_it_comes_again_in_its_order(shared):
    faults: list[Exception] = [StoreUnavailable("footfall.db: full")]

    shared.start(failing(shared, faults))
    with shared.worker() as worker:
        with shared.worker() as other:
            same = other.socket
            same.sendall(framed([visit("P1", "A")]))
            with pytest.raises(StoreUnavailable, match="full"):
                other.hear()
            same.sendall(framed([visit("P2", "A")]))
            assert worker.append([visit("P3", "B")]) == [None]
            same.close()
        assert worker.append([visit("P4", "B")]) == [None]
    assert {name_of(one) for one in visits(shared)} == {"P3", "P4"}


def test_of_several_batches_under_way_the_oldest_hears_that_it_is_over_and_no_other(shared):
    worker = shared.worker()

    def take() -> None:
        with shared.take() as theirs:
            frames, taken = Frames(), 0
            while taken < 3:
                frames.put(theirs.recv(4_096))
                while frames.take() is not None:
                    taken += 1
            theirs.sendall(framed(OK))

    thread = threading.Thread(target=take)
    thread.start()
    first, second = worker.append_all([[visit(f"P{n}", "A", n)] for n in range(3)])
    thread.join(PATIENCE_SECONDS)
    assert first == [None] and isinstance(second, StoreUnavailable) and worker.giver.is_closed
    worker.close()


def test_an_answer_in_pieces_is_one(shared):
    worker = shared.worker()

    def take() -> None:
        with shared.take() as theirs:
            for _ in range(2):
                read(theirs)
                for piece in framed(OK):
                    theirs.sendall(bytes((piece,)))
                    threading.Event().wait(0.001)

    thread = threading.Thread(target=take)
    thread.start()
    assert worker.append([visit("P1", "A"), visit("P2", "A")]) == [None, None]
    assert worker.append([visit("P3", "A")]) == [None]
    thread.join(PATIENCE_SECONDS)
    worker.close()


def test_who_dies_over_a_large_batch_leaves_nothing_open(shared):
    many = [confirm(f"C{n}", page(f"P{n}"), f"V{n}", n, title=f"{n:03} " * 500) for n in range(BATCH_ITEMS)]

    def take() -> None:
        with shared.take() as theirs:
            theirs.recv(100_000)

    open_ones = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        thread = threading.Thread(target=take)
        thread.start()
        with shared.worker() as worker, pytest.raises(StoreUnavailable, match="has ended"):
            worker.append(many)
        thread.join(PATIENCE_SECONDS)
    assert len(os.listdir("/proc/self/fd")) == open_ones


def test_who_hands_over_before_anybody_takes_is_taken_later(shared):
    with shared.worker() as worker:
        thread = threading.Thread(target=worker.append, args=([visit("P1", "A")],))
        thread.start()
        shared.start()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    assert len(visits(shared)) == 1


def test_a_door_that_nobody_empties_is_full_at_last_and_loses_no_descriptor(shared):
    waiting: list[Worker] = []
    with pytest.raises(StoreUnavailable, match="has ended, and is started again"):
        while len(waiting) < 10_000:
            waiting.append(shared.worker())
    assert waiting
    open_ones = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StoreUnavailable):
        shared.worker()
    assert len(os.listdir("/proc/self/fd")) == open_ones
    for worker in waiting:
        worker.close()
    shared.start()  # all of these are gone already
    shared.end()


def test_a_worker_that_dies_in_the_middle_of_a_batch_harms_nobody(shared):
    shared.start()
    with shared.worker() as worker:
        assert worker.append([visit("P1", "A")]) == [None]
        dying = shared.worker()
        dying.socket.sendall(framed([visit("P2", "B")])[:-5])
        dying.close()
        last_words = shared.worker()
        last_words.socket.sendall(framed([visit("P3", "C")]))
        last_words.close()  # and is there no more to be told
        assert worker.append([visit("P4", "D")]) == [None]
    shared.end()
    assert {"P1", "P3", "P4"} == set(map(name_of, visits(shared)))


def test_what_cannot_be_read_ends_the_connection_that_it_came_by_and_no_other(shared, caplog):
    """As of a worker of another version, where the files were changed under us."""
    shared.start()
    unknown = pickle.dumps([Visit], pickle.HIGHEST_PROTOCOL).replace(b"Visit", b"Nevis")
    with shared.worker() as worker:
        odd = shared.worker()
        odd.socket.sendall(LENGTH.pack(len(unknown)) + unknown)
        assert odd.socket.recv(1) == b""
        odd.close()
        assert worker.append([visit("P1", "A")]) == [None]
    assert [record.message for record in caplog.records] == ["what a worker has handed over cannot be read"]


def test_a_result_that_cannot_be_told_ends_one_connection(shared, caplog):
    class Odd:
        def __init__(self, writer: Writer) -> None:
            self.writer, self.rest, self.close = writer, writer.rest, writer.close

        def append(self, batch: Sequence[Item]) -> list[Result]:
            results = self.writer.append(batch)
            return [lambda: None] if len(batch) == 1 else results  # type: ignore[list-item]

    shared.start(lambda erased: Odd(shared.store(erased)))
    with shared.worker() as one, shared.worker() as other:
        with pytest.raises(StoreUnavailable, match="has ended"):
            one.append([visit("P1", "A")])
        assert other.append([visit("P2", "A", 1), visit("P3", "A", 2)]) == [None, None]
    assert [record.message for record in caplog.records] == ["what came of a batch cannot be told"]


def test_an_erasure_keeps_no_other_worker_waiting(shared):
    """It is many transactions, and others write between them: here it stands still between two."""
    begun, over = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, writer: Writer) -> None:
            self.writer, self.rest, self.close = writer, writer.rest, writer.close

        def append(self, batch: Sequence[Item]) -> list[Result]:
            results = self.writer.append(batch)
            if any(isinstance(item, Forget) for item in batch):
                begun.set()
                assert over.wait(PATIENCE_SECONDS)
            return results

    shared.start(lambda erased: Slow(shared.store(erased)))
    with shared.worker() as one, shared.worker() as other:
        one.append([visit("P1", "A"), visit("P2", "B")])
        told: list[object] = []
        batch = [visit("P3", "A", 1), Forget(ident("A"), T + MINUTE), visit("P4", "B", 1)]
        thread = threading.Thread(target=lambda: told.extend(one.append(batch)))
        thread.start()
        assert begun.wait(PATIENCE_SECONDS)
        for n in range(5):
            assert other.append([visit(f"Q{n}", "C", n)]) == [None]
        assert thread.is_alive() and not told
        over.set()
        thread.join(PATIENCE_SECONDS)
    assert isinstance(told[1], Forgotten) and told[1].is_known and told[::2] == [None, None]
    assert {name_of(one) for one in visits(shared)} == {"P2", "P4", *(f"Q{n}" for n in range(5))}
    assert shared.engine.recount(shared.engine.place) == []


def test_an_erasure_that_fails_is_told_and_tried_again(shared):
    faults = [StoreUnavailable("footfall.db: full")]

    def open_writer(erased: Erased) -> Writer:
        if threading.current_thread() not in shared.threads and faults:
            raise faults.pop()
        return shared.store(erased)

    shared.start(open_writer)
    with shared.worker() as worker:
        worker.append([visit("P1", "A")])
        with pytest.raises(StoreUnavailable, match="full"):
            worker.append([Forget(ident("A"), T + MINUTE)])
        (done,) = worker.append([Forget(ident("A"), T + MINUTE)])
        assert done.is_known
    assert visits(shared) == []


def test_whoever_waits_while_the_store_refuses_everything_hears_it_at_once(shared):
    """Not one after the other: a store that is locked is waited for once."""
    entered, over = threading.Event(), threading.Event()
    tried: list[int] = []

    def open_writer(erased: Erased) -> Writer:
        tried.append(1)
        entered.set()
        assert over.wait(PATIENCE_SECONDS)
        raise StoreUnavailable("footfall.db: locked")

    shared.start(open_writer)
    many = [visit(f"P{n}", "A", n) for n in range(BATCH_ITEMS - 1)]
    refused: list[str] = []

    def hand_over() -> None:
        with shared.worker() as worker:
            worker.socket.sendall(framed(many))
            ready.wait(PATIENCE_SECONDS)
            with pytest.raises(StoreUnavailable) as raised:
                worker.hear()
            refused.append(str(raised.value))

    ready = threading.Barrier(4)
    threads = [threading.Thread(target=hand_over) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert entered.wait(PATIENCE_SECONDS)
    ready.wait(PATIENCE_SECONDS)  # all of them have sent what they have
    over.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert refused == ["footfall.db: locked"] * 3
    assert len(tried) <= 2  # those that had come whole by then, and the others


def test_workers_hear_who_was_erased_as_soon_as_they_hear_anything(shared):
    shared.start()
    known, unknown = Erased(SECRETS), Erased(SECRETS)
    with shared.worker(known) as one, shared.worker(unknown) as other:
        one.append([visit("P1", "A"), visit("P2", "B")])
        other.append([visit("P3", "C")])
        assert not known.has(ident("A"))
        one.append([Forget(ident("A"), T + MINUTE)])
        assert known.has(ident("A")) and not known.has(ident("B"))
        assert not unknown.has(ident("A"))
        other.append([visit("P4", "C", MINUTE)])
        assert unknown.has(ident("A"))
        version = unknown.version
        other.append([visit("P5", "C", MINUTE + 1)])
        assert unknown.version == version  # told once


def test_it_ends_when_nobody_is_left_and_not_before(shared):
    shared.start()
    with shared.worker() as worker:
        assert worker.append([visit("P1", "A")]) == [None]
        shared.giving.close()
        assert worker.append([visit("P2", "A")]) == [None]
        assert shared.threads[0].is_alive()
    shared.threads[0].join(PATIENCE_SECONDS)
    assert not shared.threads[0].is_alive()


@pytest.mark.parametrize("step", [1, 3, 64, 10_000])
def test_frames_are_taken_whole_in_whatever_pieces_they_come(step):
    told = [[visit("P1", "A")], OK, [visit(f"P{n}", "B", n) for n in range(50)]]
    stream = b"".join(map(framed, told))
    frames, found = Frames(), []
    for start in range(0, len(stream), step):
        frames.put(stream[start : start + step])
        while (value := frames.take()) is not None:
            found.append(value)
    assert found == told
    assert repr(frames) == "<Frames 0 bytes>"
    frames.put(LENGTH.pack(1))
    assert frames.take() is None
