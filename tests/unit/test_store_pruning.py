"""Ids that no repeat is expected of any more go, whoever made them; those of the last days stay."""

import contextlib
import random
import sqlite3
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import DAY, HOUR, MINUTE, T, check_promises, confirm, does, holds, ident, page, sends, sqlite, tidy, visit
from taken import some

from proxy.store.base import Refusal, Tidied, Tidy
from proxy.store.sqlite.pruning import IDS_DAYS
from proxy.store.sqlite.tidying import REST_MS
from proxy.store.sqlite.walks import EVERY_MS
from proxy.visitors.ids import event_id, parse_uuid

KEPT = IDS_DAYS * DAY


def ids_of(engine):
    """All that are known, but for those of sessions' ends."""
    ends = {parse_uuid(event.id) for event in engine.events() if event.action == "session.end"}
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        return {row[0] for row in raw.execute("SELECT id FROM recent_id")} - ends


def made(id, at, **more):
    """A visit with an id of its own."""
    one = visit("P", "V", at, **more)
    one.id = id
    return one


def test_what_came_in_within_eight_days_is_kept_and_the_rest_goes(engine):
    refusal = (Refusal("a.b", "undefined_action", "action", ident("R1")),)
    with engine.writer() as writer:
        writer.append([visit("P1", "V1"), confirm("C1", page("P1"), "V1", 200)])
        writer.append([sends(page("P1"), "V1", does("banner.click", "E1", name="a"), at=MINUTE)])
        writer.append([sends(page("P1"), "V1", at=2 * MINUTE)._replace(refusals=refusal)])
        writer.append([visit("P2", "V1", KEPT + HOUR, came_back=True)])
        assert tidy(writer, KEPT) == Tidied()
        assert ids_of(engine) == {ident(name) for name in ("P1", "C1", "E1", "R1", "P2")}
        assert tidy(writer, KEPT + EVERY_MS).ids == 4
    assert ids_of(engine) == {ident("P2")}
    check_promises(engine)


def test_an_id_that_is_gone_is_unknown(engine):
    """VISITS.md section 3: a page of long ago, out of the browser's cache, is a new visit."""
    with engine.writer() as writer:
        writer.append([visit("P1", "V1"), confirm("C1", page("P1"), "V1", 200)])
        writer.append([visit("P2", "V1", KEPT + HOUR, came_back=True)])
        tidy(writer, KEPT + HOUR)
        writer.append([confirm("C9", page("P1"), "V1", KEPT + HOUR + MINUTE)])
    holds(
        engine,
        """
        action         id  visitor  session  nav
        session.start  ?   V1       s1       -
        page.visit     P1  V1       s1       navigate
        session.start  ?   V1       s2       -
        page.visit     P2  V1       s2       navigate
        session.end    ?   V1       s1       -
        page.visit     C9  V1       s2       cache
        """,
        ordered=False,
    )
    check_promises(engine)


def test_what_came_late_is_known_for_eight_days_from_then(engine):
    """With nothing after it that would say so."""
    with engine.writer() as writer:
        writer.append([visit("P1", "V1"), confirm("C1", page("P1"), "V1", 200)])
        writer.append([sends(page("P1"), "V1", does("banner.click", "E1", name="a", ago=30 * MINUTE), at=30 * MINUTE)])
        tidy(writer, KEPT + 20 * MINUTE)
        assert ids_of(engine) == {ident("E1")}
        tidy(writer, KEPT + 31 * MINUTE + EVERY_MS)
    assert ids_of(engine) == set()


@settings(max_examples=some(40), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20 * 24), st.binary(min_size=16, max_size=16)), unique_by=lambda one: one[1]),
    st.integers(0, 24 * 24),
)
def test_whatever_the_ids_are_the_old_ones_go(tmp_path_factory, made_at, now):
    engine = sqlite(tmp_path_factory.mktemp("ids") / "store.db")
    with engine.writer() as writer:
        for hour, id in sorted(made_at):
            writer.append([made(id, hour * HOUR)])
        tidy(writer, now * HOUR)
    assert ids_of(engine) == {id for hour, id in made_at if hour * HOUR >= now * HOUR - KEPT}
    check_promises(engine)


def test_steps_are_small_and_two_processes_share_them(engine):
    dice = random.Random(7)
    ids = [dice.randbytes(16) if n % 3 else event_id(T + n, dice.randbytes(10)) for n in range(20_000)]
    with engine.writer(None) as one, engine.writer(None) as other:
        for start in range(0, len(ids), 1_000):
            one.append([made(id, start + n, path=f"/{n % 7}") for n, id in enumerate(ids[start : start + 1_000])])
        now, took, total = T + KEPT + DAY, [], 0
        for turn in range(10_000):
            begun = time.monotonic()
            (done,) = (one, other)[turn % 2].append([Tidy(now + turn * REST_MS)])
            took.append(time.monotonic() - begun)
            total += done.ids
            if not done.more:
                break
    assert total == len(ids) and not ids_of(engine)
    assert len(took) > 8
    assert sorted(took)[len(took) // 2] < 0.02


def test_a_step_rests_after_that_of_another_process(engine):
    with engine.writer() as one, engine.writer() as other:
        one.append([visit("P1", "V1"), visit("P2", "V2", KEPT)])
        (first,) = one.append([Tidy(T + 3 * KEPT)])
        assert first == Tidied(more=True, ids=2)
        assert other.append([Tidy(T + 3 * KEPT + REST_MS - 1)]) == [Tidied(more=True)]
        assert other.append([Tidy(T + 3 * KEPT + REST_MS)]) == [Tidied()]


def test_a_spoilt_corner_stops_no_recording(engine, caplog):
    with engine.writer() as writer:
        writer.append([visit("P1", "V1")])
        with contextlib.closing(sqlite3.connect(engine.place)) as raw:
            raw.execute("DROP TABLE walk")
        assert writer.append([Tidy(T), visit("P2", "V2"), Tidy(T)]) == [Tidied(), None, Tidied()]
    assert [event.id for event in engine.events() if event.action == "page.visit"]
    assert "has to wait" in caplog.text


@pytest.mark.parametrize("back", [HOUR, 30 * DAY])
def test_a_clock_that_was_put_back_is_no_reason_to_wait_for_it(engine, back):
    with engine.writer() as writer:
        writer.append([visit("P1", "V1")])
        tidy(writer, KEPT + 60 * DAY)
        writer.append([visit("P2", "V2", KEPT)])
        tidy(writer, KEPT + 60 * DAY - back)
        tidy(writer, KEPT + 60 * DAY - back + 2 * EVERY_MS)
    assert ids_of(engine) == set()
