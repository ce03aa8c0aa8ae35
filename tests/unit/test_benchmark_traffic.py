"""The made-up traffic of `make bench-store`: the same for the same seed, as intake makes it, and like a site's."""

import shutil
from collections import Counter
from itertools import islice, pairwise
from statistics import median

import pytest
from stories import check_promises, sqlite

from benchmarks.store import filled as databases
from benchmarks.store.site import HOST, PAGES, Site
from benchmarks.store.traffic import DAYS, END, START, Traffic, batches
from proxy.events.incoming import read_event
from proxy.events.privacy import clean_uri
from proxy.intake.handed import weight_of
from proxy.store.base import Confirmation, OptOut, Sweep, Visit
from proxy.store.counters import Blocked, Outcomes, Unheld
from proxy.visitors.sessions import Rules
from proxy.visitors.times import DAY_MS, HOUR_MS

EVENTS = 20_000


@pytest.fixture(scope="module")
def items():
    return list(Traffic(1, EVENTS).items())


@pytest.fixture(scope="module")
def visits(items):
    return [item for item in items if isinstance(item, Visit)]


@pytest.fixture(scope="module")
def messages(items):
    return [item for item in items if isinstance(item, Confirmation)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small database, as it was made; who changes it has a copy."""
    return databases.filled(Traffic(1, 1_000), tmp_path_factory.mktemp("made"))


@pytest.fixture
def copied(made, tmp_path):
    """The folder of a copy of it."""
    return shutil.copytree(made.path.parent, tmp_path / "copied")


def moment(item):
    if isinstance(item, Outcomes | Blocked | Unheld):
        return None
    return item.now if isinstance(item, Sweep) else item.received if isinstance(item, Confirmation) else item.time


def test_a_seed_and_a_size_make_the_same_items_and_others_make_others():
    def first(seed, events):
        return list(islice(Traffic(seed, events).items(), 2_000))

    assert first(1, EVENTS) == first(1, EVENTS)
    assert first(1, EVENTS) != first(2, EVENTS)
    assert first(1, EVENTS) != first(1, 2 * EVENTS)


def test_a_day_can_be_made_without_those_before_it(items):
    last = [item for item in Traffic(1, EVENTS).items(DAYS - 1, DAYS) if isinstance(item, Visit)]
    assert last and {visit.id for visit in last} <= {item.id for item in items if isinstance(item, Visit)}
    after = [item for item in Traffic(1, EVENTS).items(DAYS, DAYS + 1) if isinstance(item, Visit)]
    assert min(visit.time for visit in after) >= END
    known = {item.uuid for item in items if isinstance(item, Visit)}
    assert any(visit.uuid in known for visit in after if not visit.bot)


def test_items_come_in_the_order_of_their_times_over_thirty_days(items):
    times = [moment(item) for item in items]
    known = [time for time in times if time is not None]
    assert known == sorted(known)
    assert known[0] >= START and END - DAY_MS < known[-1] < END + 6 * HOUR_MS
    assert {type(item) for item in items} == {Visit, Confirmation, OptOut, Outcomes, Blocked, Unheld, Sweep}


def test_every_event_is_what_intake_makes_of_what_the_tracker_sends(messages):
    events = [event for message in messages for event in message.events]
    assert len({event.action for event in events}) >= 12
    for event in events:
        raw = {"id": event.id.hex(), "view": event.view.hex(), "action": event.action, "ago": event.ago_ms}
        accepted = read_event({**raw, "params": event.params})
        assert accepted.event == event and not accepted.warnings


def test_every_address_is_clean_and_every_id_is_new(visits, messages):
    for visit in visits:
        page = clean_uri(visit.uri)
        assert (page.uri, page.host, page.path) == (visit.uri, HOST, visit.path)
        assert set(page.utm) <= set(visit.facts)
        assert visit.referrer is None or clean_uri(visit.referrer).uri == visit.referrer
    ids = [visit.id for visit in visits]
    ids += [event.id for message in messages for event in message.events]
    ids += [message.id for message in messages if message.id is not None]
    assert len(set(ids)) == len(ids)


def test_pages_are_asked_for_by_zipfs_law(visits):
    seen = Counter(visit.path for visit in visits)
    counts = [n for _, n in seen.most_common()]
    assert len(Site(1).pages) == PAGES and len(seen) > 500
    assert 0.3 < sum(counts[:10]) / sum(counts) < 0.6  # by 1 / rank over 4,000 pages the first ten have a third
    assert counts[0] > 5 * counts[20] > 5 * counts[200]


def test_evenings_are_busier_than_nights_and_crawlers_know_no_hours(visits):
    def night(bots):
        hours = Counter((visit.time // HOUR_MS) % 24 for visit in visits if visit.bot == bots)
        return sum(hours[hour] for hour in range(6)) / hours.total()

    assert night(bots=False) < 0.1 < 0.2 < night(bots=True) < 0.3


def test_some_come_back_most_are_people_and_some_are_never_proven(visits, messages):
    by_visitor: dict[bytes, set[int]] = {}
    for visit in visits:
        if not visit.bot:
            by_visitor.setdefault(visit.uuid, set()).add(visit.time // DAY_MS)
    often = sum(len(days) > 1 for days in by_visitor.values())
    assert 0.05 < often / len(by_visitor) < 0.4
    bots = sum(visit.bot for visit in visits)
    assert 0.05 < bots / len(visits) < 0.25
    shown = {message.page.id for message in messages}
    silent = sum(not visit.bot and visit.id not in shown for visit in visits)
    assert 0.01 < silent / len(visits) < 0.15
    assert sum(bool(message.refusals) for message in messages)


def test_a_cookie_comes_back_only_from_who_was_there(visits):
    for before, visit in pairwise(visit for visit in visits if not visit.bot):
        if before.uuid == visit.uuid:
            assert visit.cookie_came_back
    assert all(not visit.cookie_came_back for visit in visits if visit.bot)


def test_hovers_have_a_long_tail(messages):
    dwells = [event.amount for message in messages for event in message.events if event.action.endswith(".hover")]
    assert len(dwells) > EVENTS / 10
    middle = median(dwells)
    assert 600 < middle < 2_500 and max(dwells) > 8 * middle and min(dwells) >= 300


def test_batches_have_all_items_in_their_order(items):
    found = list(batches(iter(items), 64))
    assert [item for batch in found for item in batch] == items
    assert all(64 <= sum(map(weight_of, batch)) < 64 + 50 for batch in found[:-1])


@pytest.mark.parametrize(("events", "within"), [(2_000, 0.25), (EVENTS, 0.1)])  # of few sessions, one can be long
def test_the_store_makes_about_as_many_events_of_it_as_were_asked_for(tmp_path, events, within):
    made = databases.filled(Traffic(1, events), tmp_path)
    assert made.events == pytest.approx(events, rel=within)
    assert made.bytes == made.path.stat().st_size
    engine = sqlite(made.path)
    check_promises(engine)
    lanes = Counter(event.lane for event in engine.events())
    assert set(lanes) == {"bot", "unproven", "person"} and lanes["person"] > 0.8 * lanes.total()


def test_large_batches_keep_the_rows_that_small_ones_keep(tmp_path):
    traffic = Traffic(1, 4_000)
    made, small = databases.filled(traffic, tmp_path), sqlite(tmp_path / "small.db")
    with small.writer(Rules()) as writer:
        for batch in batches(traffic.items(), 64):
            writer.append(batch)
    assert told(sqlite(made.path)) == told(small)
    assert sqlite(made.path).outcomes() == small.outcomes()


def told(engine):
    """All events, but for the order in which visits of one batch are numbered (store/base.py)."""
    return sorted(
        (
            *(event.id, event.action, event.time, event.received, event.uuid, event.session, event.page, event.lane),
            repr(sorted(event.params.items(), key=lambda item: item[0])),
        )
        for event in engine.events()
    )


def test_a_database_is_used_again_only_where_seed_schema_and_generator_are_the_same(made, copied, monkeypatch, capsys):
    assert databases.filled(Traffic(1, 1_000), made.path.parent) == made
    assert "kept" in capsys.readouterr().err
    there = databases.filled(Traffic(1, 1_000), copied)
    other = databases.filled(Traffic(2, 1_000), copied)
    assert other.path != there.path and there.path.exists()
    capsys.readouterr()
    monkeypatch.setattr("benchmarks.store.people.MOBILE", 0.9)
    assert databases.filled(Traffic(1, 1_000), copied) != there
    assert "sample changed; it is made again" in capsys.readouterr().err
    monkeypatch.setattr(databases, "VERSION", 99)
    databases.filled(Traffic(1, 1_000), copied)
    assert "schema changed; it is made again" in capsys.readouterr().err


def test_what_was_interrupted_is_made_again(made, copied, capsys):
    (copied / made.path.name).with_suffix(".json").unlink()
    capsys.readouterr()
    assert databases.filled(Traffic(1, 1_000), copied).events == made.events
    assert "kept" not in capsys.readouterr().err
