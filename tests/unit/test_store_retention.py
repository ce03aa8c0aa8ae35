"""What is kept no longer goes, in small steps beside the recording, and everything counted stays true."""

import contextlib
import dataclasses
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

import report_walks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import (
    DAY,
    HOST,
    HOUR,
    MINUTE,
    SECOND,
    T,
    check_promises,
    confirm,
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

from proxy.store.base import Retention, Tidied, Tidy
from proxy.store.counters import Blocked, BlockedPage, Outcomes, Unheld
from proxy.store.sqlite.examining import examine
from proxy.store.sqlite.retention import REMOVING
from proxy.store.sqlite.tidying import REST_MS
from proxy.store.sqlite.walks import EVERY_MS

TODAY = T // DAY
PAUSE_SECONDS = 0.005
"""Between two batches of a stream of visits: it lasts as long as somebody clears away, and all of it is looked through
in the end."""


def number_of(engine, table):
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        return raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


NAMED = """
    SELECT 'word', action FROM event UNION SELECT 'word', title FROM event UNION SELECT 'word', referrer FROM event
    UNION SELECT 'word', facts FROM event UNION SELECT 'word', undefined FROM event UNION SELECT 'uri', uri FROM event
    UNION SELECT 'target', target FROM event UNION SELECT 'uri', uri FROM session UNION SELECT 'uri', entry FROM session
    UNION SELECT 'word', source FROM session UNION SELECT 'page', page FROM uri UNION SELECT 'word', title FROM uri
    UNION SELECT 'page', page FROM target UNION SELECT 'word', host FROM outcome UNION SELECT 'word', name FROM outcome
    UNION SELECT 'word', reason FROM blocked UNION SELECT 'page', page FROM blocked
    UNION SELECT 'page', page FROM rejection UNION SELECT 'target', target FROM dwell
    UNION SELECT 'word', extra / 4 FROM counts WHERE kind = 10
    UNION SELECT 'word', subject FROM counts WHERE kind IN (5, 20)
    UNION SELECT 'page', subject FROM counts WHERE kind IN (2, 4, 18, 19, 21, 33)
    UNION SELECT 'page', extra FROM counts WHERE kind = 21
    UNION SELECT 'target', subject / 16 FROM counts WHERE kind IN (6, 7, 8, 12, 34)
    UNION SELECT 'target', subject FROM counts WHERE kind IN (9, 10, 35)
"""
TEXTS = """
    SELECT 'word', id FROM word UNION SELECT 'uri', id FROM uri UNION SELECT 'target', id FROM target
    UNION SELECT 'page', id FROM page
"""


def texts_of(engine):
    """(texts that something names, texts that there are), as (kind, row)."""
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        named = {tuple(row) for row in raw.execute(NAMED) if row[1] is not None}
        return named, {tuple(row) for row in raw.execute(TEXTS)}


def is_in_order(engine):
    """Whether footfall doctor finds nothing."""
    return examine(engine.place, None, most=9, at=lambda title, done, total: None).findings == ()


def told(writer, name, who, at, *acts, back=False, path="/"):
    """Somebody looks at a page and does something there."""
    of = page(name, at, new=not back)
    writer.append([visit(name, who, at, path=path, came_back=back), confirm(f"C{name}", of, who, at + 200, path=path)])
    if acts:
        writer.append([sends(of, who, *acts, at=at + MINUTE)])


def test_sessions_go_whole_when_all_of_them_is_older(engine):
    with engine.writer(kept=Retention(10)) as writer:
        told(writer, "P1", "A", 0, does("banner.click", "E1", name="a"), does("page.leave", "L1", engaged_ms=4_000))
        told(writer, "P2", "B", 0)
        told(writer, "P3", "B", 20 * MINUTE, back=True)
        told(writer, "P4", "C", DAY, does("page.leave", "L4", engaged_ms=9))
        assert tidy(writer, 10 * DAY)._replace(ids=0, texts=0) == Tidied()
        assert tidy(writer, 10 * DAY + HOUR + EVERY_MS)._replace(ids=0, texts=0) == Tidied(events=7, sessions=2)
    check_promises(engine)
    holds(
        engine,
        """
        action         id  visitor  session
        session.start  ?   C        s1
        page.visit     P4  C        s1
        page.leave     L4  C        s1
        """,
    )


def test_a_session_that_is_partly_younger_stays_whole(engine):
    with engine.writer(kept=Retention(10)) as writer:
        told(writer, "P2", "B", 0)
        told(writer, "P3", "B", 20 * MINUTE, back=True)
        writer.append([sweep(DAY)])
        before = engine.events()
        assert tidy(writer, 10 * DAY + 19 * MINUTE).events == 0
        assert engine.events() == before
        assert tidy(writer, 10 * DAY + 20 * MINUTE + EVERY_MS).events == 4
    assert engine.events() == []
    check_promises(engine)


def test_nothing_is_left_of_who_is_gone(engine):
    with engine.writer(kept=Retention(10)) as writer:
        told(writer, "P1", "A", 0, does("form.submit", "E1", form="a", fields={"mail": "x"}))
        writer.append([visit("P2", "X", 100, bot=True), visit("P9", "T", 0)])
        writer.append([confirm("C9", page("P9"), "A", SECOND)])  # T was A
        writer.append([sweep(DAY), Outcomes(((TODAY, HOST, "visit", 2), (TODAY + 30, HOST, "visit", 1)))])
        writer.append([Blocked((BlockedPage(TODAY, HOST, "/", "policy", 1, T),)), Unheld(TODAY, 1, T, T, 0)])
        writer.append([visit("P3", "B", 30 * DAY)])
        assert tidy(writer, 31 * DAY).sessions == 1
        tidy(writer, 32 * DAY)
    assert [event.action for event in engine.events()] == ["session.start", "page.visit"]
    tables = ("visitor", "session", "presence", "outcome", "blocked", "unheld", "reach", "recent_id")
    assert [number_of(engine, table) for table in tables] == [1, 1, 3, 1, 0, 0, 1, 1]
    check_promises(engine)


def test_a_visitor_who_still_has_something_stays(engine):
    with engine.writer(kept=Retention(10)) as writer:
        told(writer, "P1", "A", 0)
        told(writer, "P2", "A", 8 * DAY, back=True)
        writer.append([visit("P7", "X", 0, bot=True), visit("P8", "X", 8 * DAY, bot=True), sweep(9 * DAY)])
        assert tidy(writer, 12 * DAY)._replace(ids=0, texts=0) == Tidied(events=4, sessions=1)
        told(writer, "P3", "A", 8 * DAY + MINUTE, back=True)
    check_promises(engine)
    assert number_of(engine, "visitor") == 2
    assert [event.action for event in engine.events()] == [
        *("session.start", "page.visit", "page.visit"),
        "session.end",
        "page.visit",
    ]


def test_an_action_that_is_kept_for_a_shorter_time_goes_first_and_the_session_keeps_its_numbers(engine):
    with engine.writer(kept=Retention(100, {"banner.click": 10, "page.leave": 10, "page.visit": None})) as writer:
        told(writer, "P1", "A", 0, does("banner.click", "E1", name="a"), does("page.leave", "L1", engaged_ms=4_000))
        told(writer, "P2", "A", 10 * MINUTE, does("banner.click", "E2", name="a"), back=True, path="/b")
        writer.append([sweep(DAY)])
        assert tidy(writer, 11 * DAY)._replace(ids=0, texts=0) == Tidied(events=3)
        holds(
            engine,
            """
            action         id  duration  pages  events
            session.start  ?   -1        -      -
            page.visit     P1  -1        -      -
            page.visit     P2  -1        -      -
            session.end    ?   11m       2      2
            """,
        )
        check_promises(engine, thinned=True)
        assert tidy(writer, 102 * DAY)._replace(ids=0, texts=0) == Tidied(events=2, sessions=1)
    check_promises(engine)
    holds(
        engine,
        """
        action         id  visitor  session
        page.visit     P1  A        -
        page.visit     P2  A        -
        """,
    )


def test_a_session_whose_pages_go_first_has_no_last_page(engine):
    with engine.writer(kept=Retention(None, {"page.visit": 10})) as writer:
        told(writer, "P1", "A", 0, does("banner.click", "E1", name="a"))
        told(writer, "P2", "A", 2 * MINUTE, back=True, path="/b")
        tidy(writer, 11 * DAY)
        check_promises(engine, thinned=True)
        assert is_in_order(engine)
    assert [event.action for event in engine.events()] == ["session.start", "banner.click"]


def test_a_session_of_which_only_its_marks_are_left_goes(engine):
    with engine.writer(kept=Retention(None, {"page.visit": 10})) as writer:
        told(writer, "P1", "A", 0)
        writer.append([sweep(DAY)])
        assert tidy(writer, 11 * DAY)._replace(ids=0, texts=0) == Tidied(events=3, sessions=1)
    assert engine.events() == [] and number_of(engine, "visitor") == 0


def test_an_open_session_that_nobody_ended_goes_too(engine):
    """Sessions were switched off meanwhile, so that nobody sweeps."""
    with engine.writer(kept=Retention(10)) as writer:
        told(writer, "P1", "A", 0)
    with engine.writer(None, Retention(10)) as writer:
        assert tidy(writer, 11 * DAY).sessions == 1
        writer.append([visit("P2", "A", 11 * DAY, came_back=True), opt_out("A", 11 * DAY)])
    check_promises(engine)


def test_a_session_larger_than_a_step_goes_in_pieces(engine):
    with engine.writer(kept=Retention(10)) as writer:
        for number in range(6):
            acts = [does("banner.hover", f"E{number}.{n}", name="a", dwell_ms=500 + n) for n in range(30)]
            leave = does("page.leave", f"L{number}", engaged_ms=1_000)
            told(writer, f"P{number}", "A", number * MINUTE, *acts, leave, back=number > 0, path=f"/{number % 3}")
        total, steps = 0, 0
        for now in range(T + 11 * DAY, T + 12 * DAY, REST_MS):
            (done,) = writer.append([Tidy(now)])
            total, steps = total + done.events, steps + (done.events > 0)
            assert done.events <= 4_000 // REMOVING + 2
            check_promises(engine, thinned=True)
            if not done.more:
                break
    assert total == 6 * 32 + 1 and steps > 4
    assert engine.events() == [] and number_of(engine, "session") == number_of(engine, "cell") == 0


def test_a_view_is_in_use_for_as_long_as_what_is_left_says(engine):
    with engine.writer(kept=Retention(None, {"page.leave": 10})) as writer:
        told(writer, "P1", "A", 0, does("page.leave", "L1", engaged_ms=4_000))
        writer.append([sends(page("P1"), "A", does("page.leave", "L2", engaged_ms=300), at=20 * MINUTE)])
        for at, left in ((10 * MINUTE, 300), (7 * HOUR, None)):
            tidy(writer, 10 * DAY + at)
            check_promises(engine, thinned=True)
            with contextlib.closing(sqlite3.connect(engine.place)) as raw:
                assert raw.execute("SELECT engaged FROM event WHERE id = ?", (ident("P1"),)).fetchone() == (left,)


def test_texts_that_nothing_names_go_and_no_others(engine):
    private = {
        "path": "/of/one",
        "query": "?q=only",
        "referrer": "https://secret.example/",
        "facts": (("utm_source", "letter to one"),),
    }
    with engine.writer(kept=Retention(10)) as writer:
        writer.append([visit("P1", "A", **private), visit("P2", "A", MINUTE, came_back=True)])
        of = page("P1")
        said = confirm("C1", of, "A", SECOND, path="/of/one", query="?q=only", title="For one alone")
        acts = (
            does("banner.hover", "E1", name="Only here", dwell_ms=900),
            does("form.submit", "E2", form="only", fields={"odd": "x", "mail": "y"}, skipped={"strange": "type"}),
        )
        writer.append([said, sends(of, "A", *acts, at=MINUTE)])
        writer.append([visit("P3", "B", 20 * DAY, facts=(("mail", "mail"),)), confirm("C3", page("P3"), "B", 20 * DAY)])
        of = page("P3", 20 * DAY)
        writer.append([sends(of, "B", does("form.submit", "E3", form="a", fields={"mail": "z"}), at=20 * DAY + SECOND)])
        writer.append([Outcomes(((TODAY + 20, "strange", "visit", 1),)), sweep(20 * DAY)])
        assert tidy(writer, 21 * DAY).texts > 0
        tidy(writer, 22 * DAY)
    check_promises(engine)
    named, there = texts_of(engine)
    assert named <= there
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        words = {row[0] for row in raw.execute("SELECT value FROM word")}
        assert raw.execute("SELECT path FROM page ORDER BY path").fetchall() == [("/",)]
        assert raw.execute("SELECT value FROM uri").fetchall() == [(f"https://{HOST}/",)]
        assert raw.execute("SELECT name FROM target").fetchall() == [("a",)]
        assert raw.execute("SELECT count(*) FROM suspect").fetchone() == (0,)
    assert {"mail", "strange", "Home"} <= words
    assert not words & {"odd", "For one alone", "https://secret.example/"} and "letter" not in str(words)


def test_a_text_that_is_named_again_while_it_is_looked_for_stays(engine):
    """By another process, which remembers its number; and what was removed is made anew by one that remembers it."""
    with engine.writer(kept=Retention(10)) as one, engine.writer(kept=Retention(10)) as other:
        told(other, "P1", "A", 0, does("banner.click", "E1", name="a"), path="/of/one")
        told(other, "P2", "B", 0, does("banner.click", "E2", name="b"), path="/of/two")
        steps = iter(range(T + 11 * DAY, T + 12 * DAY, REST_MS))
        while number_of(engine, "suspect") == 0:
            one.append([Tidy(next(steps))])
        told(other, "P3", "C", 11 * DAY, does("banner.click", "E3", name="a"), path="/of/one")
        while one.append([Tidy(next(steps))])[0].more:
            pass
        named, there = texts_of(engine)
        assert named <= there
        told(other, "P4", "D", 11 * DAY + MINUTE, does("banner.click", "E4", name="b"), path="/of/two")
    named, there = texts_of(engine)
    assert named <= there
    check_promises(engine)
    assert {event.params["uri"] for event in engine.events() if "uri" in event.params} == {
        f"https://{HOST}/of/one",
        f"https://{HOST}/of/two",
    }


def expected(events, kept, now):
    """The ids of what is kept, by a model of its own."""

    def limit(action):
        days = kept.by_action.get(action, kept.days)
        return float("-inf") if days is None else now - days * DAY

    marks = ("session.start", "session.end")
    sessions = {}
    for event in events:
        sessions.setdefault(event.session, []).append(event)
    left = [event.id for event in sessions.pop(None, ()) if event.time >= limit(event.action)]
    for members in sessions.values():
        acts = [event for event in members if event.action not in marks]
        over = max(event.time for event in members) < limit("session.start")
        own = [event.id for event in acts if event.time >= limit(event.action)]
        rest = [e.id for e in acts if e.action not in kept.by_action or e.time >= limit(e.action)]
        if over:
            left += [e.id for e in acts if e.action in kept.by_action and e.id in own]
        elif rest:
            left += rest + [event.id for event in members if event.action in marks]
    return sorted(left)


KEPT = st.builds(
    lambda days, own: Retention(days, own),
    st.sampled_from([None, 2, 5, 9]),
    st.dictionaries(
        st.sampled_from(["page.visit", "page.leave", "banner.click", "form.submit"]),
        st.sampled_from([None, 1, 3, 7, 20]),
    ),
)


def stretched(walk):
    """Over days instead of hours."""
    return [dataclasses.replace(step, wait=step.wait * (1 + 29 * (place % 2))) for place, step in enumerate(walk)]


@settings(max_examples=some(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report_walks.steps(), KEPT, st.lists(st.integers(0, 12 * 24), min_size=1, max_size=4))
def test_whatever_is_kept_for_how_long_what_is_left_is_what_should_be_and_everything_counted_is_true(walk, kept, hours):
    items, _ = report_walks.items(stretched(walk))
    with tempfile.TemporaryDirectory() as folder:
        engine = sqlite(Path(folder) / "store.db")
        with engine.writer(kept=kept) as one, engine.writer(kept=kept) as other:
            one.append(items)
            at = 0
            for hour in hours:
                at = max(at, hour * HOUR) + EVERY_MS
                left = expected(engine.events(), kept, T + at)
                for turn in range(2_000):
                    (done,) = (one, other)[turn % 2].append([Tidy(T + at + turn * REST_MS)])
                    if not done.more:
                        break
                    check_promises(engine, thinned=True)
                assert sorted(event.id for event in engine.events()) == left
                assert is_in_order(engine)


def test_the_recording_goes_on_while_two_processes_clear_away(tmp_path):
    """Of a month of traffic only the last day is kept, under a stream of visits."""
    engine, stop, waits, steps, wrong = sqlite(tmp_path / "store.db"), threading.Event(), [], [], []
    with engine.writer() as writer:
        for day in range(30):
            for number in range(0, 100, 10):
                batch = [
                    visit(f"P{day}.{number + n}", f"V{n}", day * DAY + number * MINUTE, path=f"/{n}") for n in range(10)
                ]
                writer.append(batch)
    begun = time.monotonic()

    def guarded(work):
        def run():
            try:
                with engine.writer(kept=Retention(1)) as writer:
                    work(writer)
            except BaseException as error:
                wrong.append(error)

        return threading.Thread(target=run)

    def record(writer):
        number = 0
        while not stop.is_set():
            before = time.monotonic()
            writer.append([visit(f"N{number}.{n}", f"W{number}", 30 * DAY + number) for n in range(4)])
            waits.append(time.monotonic() - before)
            number += 1
            stop.wait(PAUSE_SECONDS)

    def clear(writer):
        while True:
            before = time.monotonic()
            (done,) = writer.append([Tidy(T + 30 * DAY + int((before - begun) * 1_000))])
            if done.events:
                steps.append(time.monotonic() - before)
            if not done.more:
                return

    recording, *clearing = threads = [guarded(record), guarded(clear), guarded(clear)]
    for thread in threads:
        thread.start()
    for thread in clearing:
        thread.join(60)
    stop.set()
    recording.join(60)
    assert not wrong and not any(thread.is_alive() for thread in threads)
    left = engine.events()
    assert {event.time >= T + 29 * DAY for event in left} == {True}
    assert len({event.id for event in left if event.time >= T + 30 * DAY and event.action == "page.visit"}) == 4 * len(
        waits
    )
    check_promises(engine)
    # Medians: what takes long on a busy machine is waiting for it.
    assert len(steps) > 10 and sorted(steps)[len(steps) // 2] < 0.05
    assert sorted(waits)[len(waits) // 2] < 0.02


@settings(max_examples=some(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report_walks.steps(), report_walks.steps(), st.integers(1, 6))
def test_whatever_is_recorded_meanwhile_no_text_goes_that_something_names(walk, later, pause):
    items, over = report_walks.items(walk)
    more, _ = report_walks.items(later)
    at = over + 11 * DAY
    more = [moved(item, at) for item in more if not isinstance(item, Outcomes | type(sweep(0)))]
    with tempfile.TemporaryDirectory() as folder:
        engine = sqlite(Path(folder) / "store.db")
        with engine.writer(kept=Retention(10)) as one, engine.writer(kept=Retention(10)) as other:
            other.append(items)
            one.append([sweep(over + DAY)])
            for turn in range(2_000):
                (done,) = one.append([Tidy(T + at + turn * REST_MS)])
                if turn % pause == 0 and more:
                    other.append([more.pop(0)])
                    named, there = texts_of(engine)
                    assert named <= there
                if not (done.more or more):
                    break
            named, there = texts_of(engine)
            assert named <= there
            check_promises(engine)
        assert all(event.time >= T + at for event in engine.events())


def moved(item, at):
    """The same, `at` ms later, of somebody else, with other ids."""

    def other(raw):
        return None if raw is None else bytes([raw[0] ^ 1]) + raw[1:]

    if isinstance(item, type(visit("P", "V"))):
        return dataclasses.replace(item, id=other(item.id), uuid=other(item.uuid), time=item.time + at)
    events = tuple(dataclasses.replace(event, id=other(event.id)) for event in item.events)
    of = item.page and item.page._replace(id=other(item.page.id), issued_minute=item.page.issued_minute + at // MINUTE)
    return item._replace(
        page=of, cookie=other(item.cookie), id=other(item.id), received=item.received + at, events=events
    )
