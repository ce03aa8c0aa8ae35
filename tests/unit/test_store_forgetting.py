"""A visitor is erased: nothing in any file of the store names it any more, whatever comes of it later is not taken, and
everything counted is true."""

import contextlib
import random
import sqlite3
import tempfile
import threading
from pathlib import Path

import report_walks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import (
    DAY,
    MINUTE,
    SECOND,
    T,
    check_promises,
    confirm,
    confirmed,
    does,
    holds,
    ident,
    opt_out,
    page,
    sends,
    sqlite,
    sweep,
    tidy,
    visit,
)
from taken import some

from proxy.store.base import Confirmed, Forget, Forgotten
from proxy.store.sqlite import forgetting
from proxy.store.sqlite.examining import examine
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.erased import Erased
from proxy.visitors.ids import text_of
from proxy.visitors.sessions import Rules

SECRETS = (b"a secret of thirty-two bytes....",)


@contextlib.contextmanager
def writing(engine, erased=None):
    writer = SqliteWriter(engine.place, durability="process", rules=Rules(), erased=erased or Erased(SECRETS))
    with contextlib.closing(writer):
        yield writer


def forget(writer, who, at=0) -> Forgotten:
    (done,) = writer.append([Forget(ident(who) if isinstance(who, str) else who, T + at)])
    return done


def names(uuid):
    """All forms in which a file could name it."""
    text = text_of(uuid)
    return [
        uuid,
        *(form.encode() for form in (text, text.replace("-", ""), text.upper(), text.replace("-", "").upper())),
    ]


def traces(engine, needles):
    found = []
    for end in ("", "-wal", "-shm"):
        file = Path(f"{engine.place}{end}")
        data = file.read_bytes() if file.exists() else b""
        found += [(end, needle) for needle in needles if needle in data]
    return found


def private_story():
    """One visitor A with texts of its own, its twin T, and B, who shares some."""
    own = {"path": "/of/one", "query": "?q=only-mine", "referrer": "https://secret.example/x"}
    return [
        visit("P1.mine", "VISITOR-A", **own, facts=(("utm_source", "letter-to-one"),)),
        confirm(
            "C1.mine", page("P1.mine"), "VISITOR-A", 200, path="/of/one", query="?q=only-mine", title="My own title"
        ),
        sends(
            page("P1.mine"),
            "VISITOR-A",
            does("banner.hover", "E1.mine", name="Only for me", dwell_ms=900),
            does("banner.hover", "E2.mine", name="All see", dwell_ms=900),
            does("form.submit", "E3.mine", form="a", fields={"fieldofmine": "what-i-typed", "mail": "me@x.example"}),
            does("page.leave", "E4.mine", engaged_ms=4_000),
            at=MINUTE,
        ),
        visit("P2.mine", "VISITOR-T", 2 * MINUTE),
        confirm("C2.mine", page("P2.mine", 2 * MINUTE), "VISITOR-A", 2 * MINUTE + 200),
        visit("P3", "VISITOR-B", 3 * MINUTE),
        confirm("C3", page("P3", 3 * MINUTE), "VISITOR-B", 3 * MINUTE + 200),
        sends(
            page("P3", 3 * MINUTE),
            "VISITOR-B",
            does("banner.hover", "E5", name="All see", dwell_ms=900),
            does("form.submit", "E6", form="a", fields={"mail": "you@x.example"}),
            at=4 * MINUTE,
        ),
        visit("P4.mine", "VISITOR-A", DAY, came_back=True),
        opt_out("VISITOR-A", DAY + MINUTE),
        visit("P5.mine", "VISITOR-A", 2 * DAY, came_back=True),
    ]


PRIVATE = [
    *(b"only-mine", b"secret.example", b"letter-to-one", b"My own title", b"Only for me", b"fieldofmine"),
    *(b"what-i-typed", b"me@x.example", b"/of/one", b".mine"),
]


def test_nothing_of_a_visitor_is_left_in_any_file_and_the_rest_is_true(engine):
    needles = [*PRIVATE, *names(ident("VISITOR-A")), *names(ident("VISITOR-T"))]
    with writing(engine) as writer:
        for item in private_story():
            writer.append([item])
        kept = [event for event in engine.events() if event.uuid == text_of(ident("VISITOR-B"))]
        sessions = {event.session for event in engine.events()} - {event.session for event in kept}
        needles += [bytes.fromhex(session.replace("-", "")) for session in sessions if session]
        assert len(traces(engine, needles)) >= len(PRIVATE)
        receipt = forget(writer, "VISITOR-A", 2 * DAY + MINUTE)
        assert receipt.is_known and receipt.is_flushed and not receipt.was_erased
        assert set(receipt.uuids) == {ident("VISITOR-A"), ident("VISITOR-T")}
        assert receipt.events == {
            "banner.hover": 2,
            "form.submit": 1,
            "page.leave": 1,
            "page.visit": 4,
            "session.end": 2,
            "session.start": 3,
        }
        assert receipt.sessions == 3 and receipt.ids > 10 and receipt.texts > 8
        assert traces(engine, needles) == []
        assert engine.events() == kept
        check_promises(engine)
        with contextlib.closing(sqlite3.connect(engine.place)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert raw.execute("SELECT sum(n) FROM dwell").fetchone() == (1,)
            assert raw.execute("SELECT count(*) FROM visitor").fetchone() == (1,)
            assert raw.execute("SELECT count(*) FROM erasing").fetchone() == (0,)
            assert {row[0] for row in raw.execute("SELECT DISTINCT visitor FROM presence")} == {
                row[0] for row in raw.execute("SELECT id FROM visitor")
            }
        again = forget(writer, "VISITOR-A", 2 * DAY + 2 * MINUTE)
        assert again.was_erased and not again.is_known and again.events == {}


def test_a_twin_names_the_same_visitor(engine):
    with writing(engine) as writer:
        writer.append(private_story())
        assert set(forget(writer, "VISITOR-T", 2 * DAY).uuids) == {ident("VISITOR-A"), ident("VISITOR-T")}
    assert {event.uuid for event in engine.events()} == {text_of(ident("VISITOR-B"))}
    check_promises(engine)


def test_whoever_is_not_known_was_not_erased_and_a_crawler_is_nobody(engine):
    with writing(engine) as writer:
        writer.append([visit("P1", "B1", bot=True)])
        assert forget(writer, "X") == Forgotten(False, uuids=(ident("X"),), is_flushed=True)
        assert forget(writer, "B1") == Forgotten(True, is_crawler=True, uuids=(ident("B1"),))
    assert len(engine.events()) == 1


def test_what_comes_of_an_erased_visitor_is_not_taken(engine):
    erased = Erased(SECRETS)
    with writing(engine, erased) as writer, writing(engine) as other:
        writer.append([visit("P1", "A"), confirm("C1", page("P1"), "A", 200)])
        other.append([visit("P2", "B")])
        assert not erased.has(ident("A"))
        forget(other, "A", MINUTE)
        late = sends(page("P1"), "A", does("banner.click", "E1", name="a"), at=2 * MINUTE)
        assert writer.append([visit("P3", "A", 2 * MINUTE, came_back=True), late]) == [None, confirmed(None)]
        assert erased.has(ident("A")) and not erased.has(ident("B"))
        # its page does not come back, also without the cookie or with another one: it was open when it was erased
        assert writer.append([confirm("C2", page("P1"), None, 2 * MINUTE, new="N")]) == [confirmed(None)]
        assert writer.append([confirm("C3", page("P1"), "N", 2 * MINUTE)]) == [confirmed(None)]
        # a page that was lost in a crash comes back, since nobody knows whose it was; of the erased one it does not
        assert writer.append([confirm("C4", page("P8"), "A", 3 * MINUTE)]) == [confirmed(None)]
        (made,) = writer.append([confirm("C5", page("P9"), None, 3 * MINUTE, new="N")])
        assert isinstance(made, Confirmed) and made.uuid == ident("N") and made.set_cookie
        writer.append([opt_out("A", 4 * MINUTE)])
    holds(
        engine,
        """
        action         id  visitor
        session.start  ?   B
        page.visit     P2  B
        session.start  ?   N
        page.visit     P9  N
        """,
    )
    check_promises(engine)


def test_a_key_that_was_retired_still_knows_whom_it_marked(engine):
    with writing(engine) as writer:
        writer.append([visit("P1", "A")])
        forget(writer, "A")
    erased = Erased((b"a new secret of thirty-two bytes", *SECRETS))
    with writing(engine, erased) as writer:
        assert writer.append([visit("P2", "A", MINUTE, came_back=True)]) == [None]
    assert erased.has(ident("A")) and engine.events() == []


def test_what_a_killed_process_left_is_done_by_the_next_step_of_clearing_away(engine):
    with writing(engine) as writer:
        writer.append(private_story())
        item = Forget(ident("VISITOR-A"), T + 2 * DAY)
        writer._transaction(lambda: forgetting.lock_out(writer._work, item))
        writer._transaction(lambda: forgetting.step(writer._work, 3))
        check_promises(engine, thinned=True)
    with writing(engine) as writer:
        writer.append([visit("P9", "VISITOR-A", 2 * DAY, came_back=True)])
        tidy(writer, 2 * DAY + MINUTE)
        check_promises(engine)
        assert {event.uuid for event in engine.events()} == {text_of(ident("VISITOR-B"))}
        assert not forget(writer, "VISITOR-A", 2 * DAY).is_known
        assert traces(engine, [needle for needle in PRIVATE if needle != b".mine"]) == []


@settings(max_examples=some(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report_walks.steps(), st.integers(0, 3), st.integers(1, 5))
def test_whoever_is_erased_the_others_are_as_if_they_had_been_alone(walk, who, at_once):
    items, over = report_walks.items(walk)
    with tempfile.TemporaryDirectory() as folder:
        engine = sqlite(Path(folder) / "store.db")
        with writing(engine) as writer:
            writer.append(items)
            kept = [event for event in engine.events() if event.uuid != text_of(ident(f"V{who}"))]
            item = Forget(ident(f"V{who}"), T + over)
            writer._transaction(lambda: forgetting.lock_out(writer._work, item))
            while writer._transaction(lambda: forgetting.step(writer._work, at_once)) is not None:
                check_promises(engine, thinned=True)
            forget(writer, f"V{who}", over)
            assert [event.id for event in engine.events()] == [event.id for event in kept]
            check_promises(engine)
            assert examine(engine.place, None, most=9, at=lambda title, done, total: None).findings == ()
            writer.append([sweep(over + DAY)])
        assert traces(engine, names(ident(f"V{who}"))[:1]) == []


def test_many_visitors_leave_no_trace_in_pages_that_were_split(engine):
    dice = random.Random(3)
    uuids = [dice.randbytes(16) for _ in range(3_000)]
    with writing(engine) as writer:
        for start in range(0, len(uuids), 50):
            batch = []
            for number, uuid in enumerate(uuids[start : start + 50], start):
                one = visit("P", "V", number * SECOND, path=f"/{number % 50}")
                one.id, one.uuid = dice.randbytes(16), uuid
                batch.append(one)
            writer.append(batch)
        gone = dice.sample(uuids, 40)
        for uuid in gone:
            assert forget(writer, uuid, DAY).is_flushed
        assert traces(engine, gone) == []
    check_promises(engine)
    assert len({event.uuid for event in engine.events()}) == 2_960


@contextlib.contextmanager
def busy(place):
    """Somebody writes now and then, and two readers take turns so that there is always one."""
    over = threading.Event()

    def write():
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
            while not over.wait(0.02):
                other.execute("INSERT INTO note VALUES ('busy', 1) ON CONFLICT DO UPDATE SET value = value + 1")

    def read(begins):
        over.wait(begins)
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as other:
            while not over.is_set():
                other.execute("BEGIN")
                other.execute("SELECT count(*) FROM event").fetchone()
                over.wait(0.2)
                other.execute("COMMIT")

    threads = [threading.Thread(target=write), *(threading.Thread(target=read, args=(at,)) for at in (0, 0.1))]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in threads:
            one.join()


def test_the_log_is_emptied_also_where_others_read_and_write_all_the_time(engine):
    with writing(engine) as writer:
        writer.append([visit("P1", "A"), visit("P2", "B")])
        with busy(engine.place):
            assert forget(writer, "A", MINUTE).is_flushed
