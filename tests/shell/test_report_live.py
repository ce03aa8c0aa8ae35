"""The live feed over a socket: what happens is told at once and once, what turns is told again, and it is bounded."""

import json
import os
import threading
import time
from dataclasses import replace

import pytest
from reports import MINUTE, T, confirm, does, page, report, sends, visit, write
from wire import eventually

from proxy.events.dwell import UNUSUAL_FROM_N
from proxy.report import live, stream
from proxy.report.live import WATCHERS

SOON_MS = 1_000  # on a machine that is busy with other tests; the target is told by the page and tested in a browser


@pytest.fixture
def site(tmp_path):
    with report(tmp_path / "store.db") as running:
        running.write(visit("P0", "V0"))
        yield running


def pollers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "live feed"]


def test_a_visit_is_told_within_moments_of_its_commit(site):
    watching = site.watch(after=2)
    assert watching.status == 200
    assert dict(watching.fields)[b"content-type"].startswith(b"text/event-stream")
    watching.event()  # what it has missed: nothing
    took = []
    for n in range(1, 6):
        site.write(visit(f"P{n}", f"V{n}", n * 1_000))
        begun = time.monotonic()
        lines = watching.lines()
        took.append((time.monotonic() - begun) * 1_000)
        assert [line["action"] for line in lines] == ["session.start", "page.visit"]
        assert lines[1]["lane"] == "unproven" and lines[1]["label"] == "Visited page /"
    assert min(took) < SOON_MS
    watching.close()


def test_a_line_turns_to_a_person_and_gets_its_title(site):
    watching = site.watch(after=2)
    watching.event()
    site.write(visit("P1", "V1", 1_000))
    [_, line] = watching.lines()
    site.write(confirm("C1", page("P1", 1_000), "V1", 1_300, title="Tide bowl"))
    turned = {}
    while line["seq"] not in turned:
        kind, data, _ = watching.event()
        assert kind == "lines" and data["lines"] == []
        turned |= {one["seq"]: one for one in data["turned"]}
    assert turned[line["seq"]]["lane"] == "person" and turned[line["seq"]]["label"] == "Visited page Tide bowl"
    watching.close()


def test_what_was_shown_before_turns_as_well(site):
    watching = site.watch(after=2)
    watching.event()
    site.write(confirm("C0", page("P0"), "V0", 300, title="Home"))
    labels = []
    while "Visited page Home" not in labels:
        labels += [line["label"] for line in watching.event()[1]["turned"]]
    watching.close()


def test_somebody_who_comes_back_is_told_what_was_missed_and_nothing_twice(site):
    first = site.watch(after=2)
    first.event()
    site.write(visit("P1", "V1", 1_000))
    told = first.lines()
    seen = max(line["seq"] for line in told)
    first.close()
    site.write(visit("P2", "V2", 2_000), visit("P3", "V3", 3_000))
    again = site.watch(after=0, fields=b"Last-Event-ID: %d\r\n" % seen)
    missed = again.lines()
    assert [line["seq"] for line in missed] == list(range(seen + 1, seen + 5))
    site.write(visit("P4", "V4", 4_000))
    assert min(line["seq"] for line in again.lines()) == seen + 5
    again.close()


def test_the_id_of_a_message_is_how_far_it_tells(site):
    watching = site.watch(after=2)
    watching.event()
    site.write(visit("P1", "V1", 1_000))
    kind, data, number = watching.event()
    assert kind == "lines" and number == site.json("/live.json")["after"]
    assert number.startswith(f"{max(line['seq'] for line in data['lines'])}-")
    watching.close()


def test_catching_up_is_bounded(site):
    site.write(*(visit(f"P{n}", "V0", n * 10, came_back=True) for n in range(1, 1_000)))
    watching = site.watch(after=0)
    lines = watching.lines()
    assert len(lines) == 200 and lines[-1]["seq"] == 1_001
    watching.close()


def test_what_one_message_cannot_hold_is_counted(site):
    watching = site.watch(after=2)
    watching.event()
    site.write(*(visit(f"P{n}", "V0", n * 10, came_back=True) for n in range(1, 1_235)))
    assert watching.event()[:2] == ("skipped", {"n": 1_034, "seq": 1_037, "text": "and 1\u202f034 more"})
    lines = watching.lines()
    assert [line["seq"] for line in lines] == list(range(1_037, 1_237))
    back = site.watch(after=100)
    assert back.event()[:2] == ("skipped", {"n": 936, "seq": 1_037, "text": "and 936 more"})
    assert back.lines() == lines
    for one in (watching, back):
        one.close()


def test_a_program_that_asks_again_is_told_how_many_it_has_not_seen(site):
    said = site.json("/live.json")
    assert said["skipped"] == 0 and [line["seq"] for line in said["lines"]] == [1, 2]
    site.write(*(visit(f"P{n}", "V0", n * 10, came_back=True) for n in range(1, 101)))
    assert site.json("/live.json")["skipped"] == 0
    later = site.json(f"/live.json?after={said['after']}")
    assert len(later["lines"]) == 60 and later["skipped"] == 40 and later["newest"] == 102
    latest = site.json(f"/live.json?after={later['after']}")
    assert latest["lines"] == [] and latest["skipped"] == 0
    other_store = later["after"].replace("102-", "5-")[:-1] + "x"
    assert site.json(f"/live.json?after={other_store}")["lines"] == site.json("/live.json")["lines"]


def test_a_session_that_ended_is_not_told_as_news(site):
    watching = site.watch(after=2)
    watching.event()
    site.write(visit("P1", "V0", 60 * MINUTE, came_back=True))
    assert [line["action"] for line in watching.lines()] == ["session.start", "page.visit"]
    watching.close()


def test_nobody_polls_while_nobody_watches(site):
    assert eventually(lambda: not pollers())
    watching = [site.watch(after=2) for _ in range(3)]
    for one in watching:
        one.event()
    assert len(pollers()) == 1
    for one in watching:
        one.close()
    assert eventually(lambda: not pollers())
    later = site.watch(after=2)
    site.write(visit("P1", "V1", 1_000))
    assert later.lines()
    later.close()


def test_watchers_are_bounded_and_a_place_is_free_again_when_somebody_leaves(site):
    watching = [site.watch(after=2) for _ in range(WATCHERS)]
    assert {one.status for one in watching} == {200}
    refused = site.get("/live/stream")
    assert refused.status == 503 and refused.get(b"retry-after") is not None
    assert json.loads(refused.body)["error"] == "too_many_watchers"
    watching[0].close()

    def is_free() -> bool:
        one = site.watch(after=2)
        one.close()
        return one.status == 200

    assert eventually(is_free)
    for one in watching[1:]:
        one.close()


def test_who_does_not_read_is_let_go_and_others_are_told_everything(site, monkeypatch):
    monkeypatch.setattr(live, "WAITING", 3)
    slow, quick = site.watch(after=2), site.watch(after=2)
    quick.event()
    seen, written = 0, 0
    deadline = time.monotonic() + 30
    # What the kernel takes for the slow one is filled first: big messages, one after the other.
    while site.app.watchers == 2 and time.monotonic() < deadline:
        visits = [
            visit(f"Q{written + n}", "V0", 10_000 + written + n, came_back=True, query="?" + "x" * 900)
            for n in range(200)
        ]
        site.write(*visits)
        written += len(visits)
        while seen < written:
            seen += len(quick.lines())
    assert site.app.watchers == 1 and seen == written
    slow.close()
    quick.close()


def test_who_does_not_read_is_let_go_by_the_bytes_that_wait_too(site, monkeypatch):
    monkeypatch.setattr(live, "WAITING", 1_000_000)
    monkeypatch.setattr(live, "WAITING_BYTES", 500_000)
    slow = site.watch(after=2)
    fill(site, until=lambda: site.app.watchers == 0)
    slow.close()


def test_the_place_of_who_takes_nothing_is_free_after_a_while(site, monkeypatch):
    """Whatever waits: it is enough that nothing is taken."""
    for name in ("WAITING", "WAITING_BYTES"):
        monkeypatch.setattr(live, name, 1_000_000_000)
    monkeypatch.setattr(stream, "SEND_SECONDS", 0.5)
    watching = [site.watch(after=2) for _ in range(WATCHERS)]
    assert site.get("/live/stream").status == 503
    fill(site, until=lambda: site.app.watchers == 0)
    later = site.watch(after=2)
    assert later.status == 200
    for one in (*watching, later):
        one.close()


def fill(site, until) -> None:
    """Writes more than the kernel takes for who does not read, until something is true."""
    deadline, written = time.monotonic() + 30, 0
    while not until():
        assert time.monotonic() < deadline
        site.write(
            *(visit(f"Q{written + n}", "V0", written + n, came_back=True, path="/" + "x" * 900) for n in range(200))
        )
        written += 200
        eventually(until, 0.05)


def test_all_streams_end_when_the_report_stops(site):
    watching = [site.watch(after=2) for _ in range(3)]
    for one in watching:
        one.event()
    site.app.stop()
    for one in watching:
        with pytest.raises(EOFError):
            while True:
                one.event()
    assert eventually(lambda: not pollers())
    assert site.get("/live/stream").status == 503


def test_a_store_that_is_replaced_is_told_so_and_read_anew(site, tmp_path):
    watching = site.watch(after=2)
    watching.event()
    with report(tmp_path / "other.db") as other:
        other.write(visit("N1", "VN"))
    for end in ("-wal", "-shm"):
        (site.store.parent / (site.store.name + end)).unlink(missing_ok=True)
    os.replace(tmp_path / "other.db", site.store)
    kind, _, _ = watching.event()
    assert kind == "reset"
    site.write(visit("N2", "VN", 1_000, came_back=True))
    assert watching.lines()[-1]["time"] == T + 1_000
    watching.close()


def moved(store, to) -> None:
    """The store with all its files, elsewhere."""
    for end in ("", "-wal", "-shm"):
        if (store.parent / (store.name + end)).exists():
            os.replace(store.parent / (store.name + end), to.parent / (to.name + end))


@pytest.fixture
def larger(tmp_path):
    """Another store, with more in it."""
    with report(tmp_path / "larger.db") as other:
        other.write(*(visit(f"N{n}", f"W{n}", n) for n in range(20)))
    return tmp_path / "larger.db"


def test_a_store_that_was_gone_and_is_a_larger_one_is_begun_anew(site, tmp_path, larger):
    watching = site.watch(after=site.json("/live.json")["after"])
    watching.event()
    moved(site.store, tmp_path / "away.db")
    kind, data, _ = watching.event()
    assert kind == "trouble" and "no such file" in data["message"]
    moved(larger, site.store)
    assert watching.event()[0] == "reset"
    again = site.watch(after=site.json("/live.json")["after"])
    assert again.event()[:2][1]["lines"] == []
    site.write(visit("N99", "W99", 9_000))
    for one in (again, watching):
        assert [line["seq"] for line in one.lines()] == [41, 42]
        one.close()


def test_a_store_that_was_gone_and_is_back_goes_on(site, tmp_path):
    watching = site.watch(after=2)
    watching.event()
    moved(site.store, tmp_path / "away.db")
    assert watching.event()[0] == "trouble"
    late = site.watch(after=2)
    assert late.event()[0] == "trouble"  # also who comes when it is gone already
    late.close()
    moved(tmp_path / "away.db", site.store)
    kind, data, _ = watching.event()
    assert kind == "lines" and data["lines"] == []  # it can be read again
    site.write(visit("P1", "V1", 1_000))
    assert [line["seq"] for line in watching.lines()] == [3, 4]
    watching.close()


def test_a_page_that_comes_back_to_another_store_is_told_so(site, tmp_path, larger):
    """While it was away nobody watched, and nobody noticed."""
    after = site.json("/live.json")["after"]
    moved(site.store, tmp_path / "away.db")
    moved(larger, site.store)
    for fields in ({"after": after}, {"after": 0, "fields": b"Last-Event-ID: " + after.encode() + b"\r\n"}):
        watching = site.watch(**fields)
        assert watching.event()[0] == "reset"
        watching.close()
    known = site.watch(after=site.json("/live.json")["after"])
    assert known.event()[0] == "lines"
    known.close()


def test_a_store_that_is_not_there_yet_is_told_of_and_then_read(tmp_path):
    with report(tmp_path / "store.db") as site:
        watching = site.watch(after=0)
        kind, data, _ = watching.event()
        assert kind == "trouble" and "no such file" in data["message"]
        write(tmp_path / "made.db", visit("P1", "V1"))
        os.replace(tmp_path / "made.db", site.store)  # whole, or it could be looked at while it is made
        assert [line["action"] for line in watching.lines()] == ["session.start", "page.visit"]
        watching.close()


# What is asked for ------------------------------------------------------------------------------------------------

BUYER, OTHER = "buyer-0000000000", "other-0000000000"
"""Visitors whose short uuids differ."""
ARRIVED = ["session.start", "page.visit"]
HOVERS = ["banner.hover"] * (UNUSUAL_FROM_N + 1)


@pytest.fixture
def varied(tmp_path):
    """An event of each kind, one of them a hover that was longer than usual."""
    with report(tmp_path / "store.db") as running:
        running.write(visit("P0", BUYER, path="/Range"))
        acts = (
            *(does("banner.hover", f"H{n}", name="Spring sale", dwell_ms=1_100) for n in range(UNUSUAL_FROM_N)),
            does("banner.hover", "H99", name="Spring sale", dwell_ms=60_000),
            does("link.click", "C1", name="Buy"),
            does("form.start", "F1", form="contact"),
            does("field.change", "F2", form="contact", field="email", filled=True),
            does("page.leave", "L1", engaged_ms=1_000),
        )
        running.write(sends(page("P0"), BUYER, *acts, at=MINUTE))
        running.write(visit("P1", OTHER, 2 * MINUTE, path="/cart"))
        yield running


SIFTED = {
    "": [*ARRIVED, *HOVERS, *"link.click form.start field.change page.leave".split(), *ARRIVED],
    "kind=visit": ["page.visit", "page.visit"],
    "kind=hover": HOVERS,
    "kind=click": ["link.click"],
    "kind=form": ["form.start", "field.change"],
    "kind=session": ["session.start", "session.start"],
    "kind=other": ["page.leave"],
    "unusual=1": ["banner.hover"],
    "kind=click&unusual=1": ["banner.hover"],
    "q=CART": ARRIVED,
    "q=field.ch": ["field.change"],
    "q=spring+SALE": HOVERS,
    "kind=visit&q=/range": ["page.visit"],
    "kind=click&q=cart": [],
    "q=%25": [],
    "q=.*": [],
}
EVERYTHING = ("kind=odd", "kind=", "unusual=0", "unusual=yes", "q=", "q=+", "kind=%00&unusual=x")


@pytest.mark.parametrize(("query", "actions"), SIFTED.items())
def test_a_filter_lets_the_same_through_in_the_json_the_csv_and_on_the_page(varied, query, actions):
    assert [line["action"] for line in varied.json(f"/live.json?{query}")["lines"]] == actions
    assert [row["action"] for row in varied.sheet(f"/live.csv?{query}")] == actions
    soup = varied.page(f"/live?{query}")
    assert [item["data-action"] for item in soup.select("#feed li")] == actions[::-1]
    said = varied.json(f"/live/lines.json?{query}")
    assert [line["action"] for line in said["lines"]] == actions[::-1]
    assert ("hidden" not in soup.select_one("#nothing").attrs) == (not actions)
    if not actions:
        assert soup.select_one("#nothing").get_text() == "Nothing of this kind has come yet. Show all events"
        assert soup.select_one("#nothing a")["href"] == "/live"


@pytest.mark.parametrize("query", EVERYTHING)
def test_what_is_no_filter_leaves_everything(varied, query):
    said = varied.json(f"/live.json?{query}")
    assert [line["action"] for line in said["lines"]] == SIFTED[""]
    assert said["filter"] == {"kind": None, "unusual": False, "text": "", "bots": True}


def test_a_visitor_is_found_by_the_short_uuid_and_by_the_whole_one(varied):
    uuid = varied.json("/live.json?kind=click")["lines"][0]["uuid"]
    for text in (uuid[:8].upper(), uuid[2:7], uuid):
        found = varied.json(f"/live.json?q={text}")["lines"]
        assert len(found) == len(SIFTED[""]) - 2 and {line["uuid"] for line in found} == {uuid}


def test_bots_can_be_left_out(varied):
    bot = replace(visit("B0", "V9", 3 * MINUTE), bot=True)
    varied.write(bot)
    assert [line["lane"] for line in varied.json("/live.json?kind=visit")["lines"]] == ["person", "unproven", "bot"]
    assert [line["lane"] for line in varied.json("/live.json?kind=visit&bots=0")["lines"]] == ["person", "unproven"]
    soup = varied.page("/live?q=00000000&bots=0")
    assert soup.select_one("#nothing span").get_text() == "Nothing of this kind has come yet. Bots are not shown."
    assert soup.select_one("#sift [name=bots]")["value"] == "0"


def test_what_is_chosen_is_kept_by_every_address_of_the_page(varied):
    soup = varied.page("/live?kind=hover&unusual=1&q=%22%3Eb")
    assert [a.get_text() for a in soup.select("#sift [aria-current]")] == ["Hovers"]
    assert soup.select_one("#sift [name=q]")["value"] == '">b' and soup.select_one("#sift [name=unusual][checked]")
    hrefs = {a.get_text(): a["href"] for a in soup.select("#sift a, footer a")}
    assert hrefs["All"] == "/live?q=%22%3Eb"
    assert hrefs["Hovers"] == "/live?kind=hover&unusual=1&q=%22%3Eb"
    assert hrefs["Clicks"] == "/live?kind=click&q=%22%3Eb"
    assert hrefs["CSV"] == "/live.csv?kind=hover&unusual=1&q=%22%3Eb"
    keys = [one["data-key"] for one in soup.select("[data-key]")]
    assert len(keys) == len(set(keys))


def test_what_a_filter_lets_through_is_looked_for_among_many_and_what_is_left_out_is_counted(site):
    site.write(sends(None, "V0", *(does("link.click", f"C{n}", name="Buy") for n in range(70)), at=MINUTE))
    site.write(*(visit(f"P{n}", "V0", n * 10, came_back=True) for n in range(1, 1_001)))
    said = site.json("/live.json?kind=click")
    assert [line["seq"] for line in said["lines"]] == list(range(13, 73))
    assert (said["skipped"], said["unread"], said["is_all"]) == (0, 0, True)
    later = site.json("/live.json?kind=click&after=5")
    assert len(later["lines"]) == 60 and (later["skipped"], later["unread"]) == (7, 0)
    site.write(*(visit(f"Q{n}", "V0", n * 10, came_back=True) for n in range(1, 1_001)))
    beyond = site.json("/live.json?kind=click&after=5")
    assert (beyond["lines"], beyond["skipped"], beyond["looked"], beyond["unread"]) == ([], 0, 2_000, 67)
    assert "among the latest 2\u202f000 events" in site.page("/live?kind=click").select_one("#nothing").get_text()


def test_the_clock_is_the_servers(site):
    assert site.json("/live/clock.json") == {"now": site.clock[0]}


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "1.5", "%00"])
def test_an_odd_place_to_go_on_from_is_the_beginning(site, after):
    watching = site.watch(fields=b"Last-Event-ID: " + after.encode() + b"\r\n")
    assert [line["seq"] for line in watching.lines()] == [1, 2]
    watching.close()


KINDS = (5, 2.5, True, [1, 2], {"a": 1}, "text", "http://[x")
"""What a browser may send under a name that is not defined."""


@pytest.mark.parametrize("path", ["/live", "/live.json", "/"])
def test_whatever_type_a_browsers_own_param_has_every_page_shows_it(tmp_path, path):
    with report(tmp_path / "store.db") as running:
        names = ("uri", "title", "referrer", "status", "method", "field", "fields", "form", "engaged_ms", "scroll_pct")
        params = [(name, kind) for name in names for kind in KINDS]
        acts = [does("link.click", f"E{n}", **{"name": "Buy", name: kind}) for n, (name, kind) in enumerate(params)]
        running.write(visit("P0", "V0"), sends(None, "V0", *acts, at=MINUTE))
        assert running.get(path).status == 200


def test_the_feed_tells_of_events_with_odd_params_and_goes_on(site):
    watching = site.watch(after=2)
    watching.event()
    site.write(sends(None, "V0", *(does("link.click", f"E{n}", name="Buy", uri=kind) for n, kind in enumerate(KINDS))))
    assert [line["action"] for line in watching.lines()] == ["link.click"] * len(KINDS)
    site.write(visit("P9", "V9", 2 * MINUTE))
    assert watching.lines()[-1]["action"] == "page.visit"
    watching.close()


@pytest.mark.parametrize("number", ["9" * 25 + "-1", "1-" + "9" * 25, "9" * 18 + "-" + "9" * 18, "x-1"])
def test_a_made_up_place_in_the_list_of_visitors_is_no_error(site, number):
    assert site.get(f"/visitors?before={number}").status == 200
    assert site.get(f"/visitors.json?before={number}").status == 200
