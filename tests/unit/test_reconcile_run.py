"""A log against a store that the real writer made: which days are compared, what is left over, and what is said of it.

Times are those of the stories (T and later); `said` is the reckoning's JSON.
"""

import gzip
import json
import os
import random
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from stories import DAY, HOST, HOUR, MINUTE, SECOND, T, confirm, page, visit

from proxy.config import load
from proxy.errors import StartError
from proxy.reconciling import telling
from proxy.reconciling.log import LINE_MAX_BYTES
from proxy.reconciling.run import Options, reconcile
from proxy.store.base import Outcomes
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
TODAY = T // DAY
MIDNIGHT = TODAY * DAY - T
"""Of T's day, ms after T: below 0."""


def line(at, request="GET / HTTP/1.1", status=200, agent=FOX, *, zone="UTC"):
    when = datetime.fromtimestamp((T + at) // 1_000, UTC).astimezone(ZoneInfo(zone))
    return f'::1 - - [{when:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status} 9 "-" "{agent}"\n'


def asset(at):
    return line(at, "GET /a.css HTTP/1.1")


def counts(*told, day=TODAY, host=HOST):
    return Outcomes(tuple((day, host, name, n) for name, n in told))


class Place:
    """A store and a log."""

    def __init__(self, folder, *items, **settings):
        self.file = folder / "access.log"
        environ = {f"FOOTFALL_{name.upper()}": value for name, value in settings.items()}
        self.config = load(None, {**environ, "FOOTFALL_STORE__URL": f"sqlite:///{folder}/store.db"}, {})
        with closing(SqliteWriter(folder / "store.db", durability="process", rules=Rules())) as writer:
            for item in items:
                writer.append([item])

    def reckon(self, *lines, options=Options(), now=HOUR):  # noqa: B008
        self.file.write_bytes("".join(lines).encode("latin-1"))
        return reconcile(self.config, self.file, options, now_ms=T + now, at=lambda *_: None)

    def said(self, *lines, now=HOUR, **options):
        found = self.reckon(*lines, options=Options(**options), now=now)
        said = json.loads(telling.as_json(found, "access.log", 20))
        text = list(telling.lines_of(found, "access.log", 20))
        assert all(one.isprintable() for one in text) and ("Every line is explained." in text) == said["is_explained"]
        return said


def rows(said, number=0):
    return {row["outcome"]: (row["lines"], row["counted"]) for row in said["days"][number]["rows"]}


def why(said):
    return [(one["n"], one["why"].partition(":")[0]) for one in said["unexplained"]]


def test_a_whole_day_is_compared_and_all_of_it_is_explained(tmp_path):
    place = Place(tmp_path, visit("P1", "A", 200), counts(("visit", 1), ("asset", 2), ("redirect", 1)))
    said = place.said(line(0), asset(0), asset(SECOND), line(2 * SECOND, "GET /old HTTP/1.1", 301), whole_days=True)
    assert rows(said) == {"visit": (1, 1), "asset": (2, 2), "redirect": (1, 1)} and said["is_explained"]


def test_a_day_is_covered_when_the_log_has_lines_before_and_after_it(tmp_path):
    beside = [counts(("asset", 5), day=TODAY + n) for n in (-1, 1)]
    place = Place(tmp_path, visit("P1", "A", 200), counts(("visit", 1)), *beside)
    day = [asset(MIDNIGHT - HOUR), line(0), asset(MIDNIGHT + DAY + HOUR)]
    said = place.said(*day, now=3 * DAY)
    assert [([day - TODAY for day in days["days"]], days["is_whole"]) for days in said["days"]] == [
        ([0], True),
        ([-1, 1], False),
    ]
    assert rows(said) == {"visit": (1, 1)}
    assert rows(said, 1)["asset"] == (2, None) and said["is_explained"]


def test_a_part_of_a_day_can_have_no_more_than_the_day(tmp_path):
    place = Place(tmp_path, counts(("asset", 2)))
    assert place.said(asset(0), asset(0))["is_explained"]
    said = place.said(asset(0), asset(0), asset(0))
    assert why(said) == [(1, "may be asset, fragment, other_html, opted_out, prefetch, frame, websocket")]
    assert (said["unexplained"][0]["of"], len(said["unexplained"][0]["lines"])) == (3, 3)


def test_a_page_line_without_a_page_view_is_the_one_that_is_left_over(tmp_path):
    told = [visit("P1", "A", 200, path="/p"), counts(("visit", 1), ("asset", 2))]
    said = Place(tmp_path, *told).said(
        line(0, "GET /p HTTP/1.1"), asset(0), line(9 * SECOND, "GET /p HTTP/1.1"), asset(MINUTE), whole_days=True
    )
    [left] = said["unexplained"]
    assert (left["n"], left["of"]) == (1, 1) and left["lines"][0]["number"] == 3


def test_a_visit_that_was_counted_and_is_not_stored_is_named(tmp_path):
    said = Place(tmp_path, counts(("visit", 1))).said(line(0), whole_days=True)
    assert why(said) == [
        (1, "counted as a visit, but no event of it is stored (its visitor was erased, or it was lost)")
    ]
    assert Place(tmp_path, counts(("lost", 1))).said(line(0), whole_days=True)["is_explained"]


def test_where_visits_are_switched_off_their_count_is_all_there_is(tmp_path):
    place = Place(tmp_path, counts(("visit", 1)), tracking__visits="false")
    said = place.said(line(0), whole_days=True)
    assert rows(said) == {"visit": (1, 1)} and said["is_explained"]
    assert place.said(line(0))["is_explained"] and not place.said(line(0), line(0))["is_explained"]


def test_a_count_without_a_line_is_unexplained_and_behind_footfall_some_are_not(tmp_path):
    place = Place(tmp_path, counts(("asset", 2), ("refused", 1), ("failed", 1), ("released_unsaved", 9)))
    assert why(place.said(asset(0), whole_days=True)) == [
        (1, "counted as asset, and on no line"),
        (1, "counted as failed, and on no line"),
        (1, "counted as refused, and on no line"),
    ]
    assert why(place.said(asset(0), asset(0), whole_days=True, side="site")) == []


def test_a_crash_loses_counters_but_no_page_view(tmp_path):
    said = Place(tmp_path, visit("P1", "A", 200), visit("P2", "A", 300), counts(("visit", 1))).said(
        line(0), line(0), whole_days=True
    )
    [row] = said["days"][0]["rows"]
    assert (row["lines"], row["counted"], row["difference"]) == (2, 1, -1) and "a crash loses" in row["explanation"]
    assert said["is_explained"]


def test_a_request_over_midnight_may_be_counted_on_either_day(tmp_path):
    place = Place(
        tmp_path, counts(("asset", 1)), counts(("asset", 3), day=TODAY + 1), counts(("asset", 9), day=TODAY - 1)
    )
    end = MIDNIGHT + DAY
    around = [asset(MIDNIGHT - HOUR), asset(0), asset(end - SECOND), asset(end + HOUR)]
    said = place.said(*around, now=3 * DAY)
    assert rows(said)["other_day"] == (1, None) and said["is_explained"]
    # And the other way round: counted before midnight, written after it.
    place = Place(tmp_path, counts(("asset", 1)))
    assert place.said(asset(MIDNIGHT - HOUR), asset(0), asset(end + SECOND), asset(end + HOUR), now=3 * DAY)[
        "is_explained"
    ]
    # An hour later it is none of these.
    assert not place.said(asset(MIDNIGHT - HOUR), asset(0), asset(end + HOUR), now=3 * DAY)["is_explained"]


def test_days_of_which_nothing_was_counted_are_said_to_be_such(tmp_path):
    """A log that is older than footfall: of its last day all is explained."""
    place = Place(tmp_path, counts(("asset", 1)))
    said = place.said(*[asset(n * DAY) for n in (-3, -2, -1)], line(-DAY), asset(0), whole_days=True)
    assert why(said) == [(4, "are of days of which nothing was counted here")]
    assert rows(said) == {"asset": (1, 1)}
    assert [line["number"] for line in said["unexplained"][0]["lines"]] == [1, 2, 3, 4]
    found = place.reckon(asset(-DAY), asset(0))
    assert any("of which nothing was counted here" in one for one in telling.lines_of(found, "x", 3))


def test_only_the_hosts_that_the_log_is_of(tmp_path):
    other = visit("P2", "A", 300)
    other.host, other.uri = "other.example", "https://other.example/"
    place = Place(
        tmp_path, visit("P1", "A", 200), other, counts(("visit", 1)), counts(("visit", 1), host="other.example")
    )
    said = place.said(line(0), whole_days=True)
    assert not said["is_explained"]
    text = "\n".join(telling.lines_of(place.reckon(line(0), options=Options(whole_days=True)), "x", 3))
    assert "Counted are 2 hosts; --host NAME" in text and "GET / 200 (visit)" in text
    assert place.said(line(0), whole_days=True, hosts=(HOST,))["is_explained"]


def test_what_a_browser_told_by_itself_has_no_line(tmp_path):
    of = page("P1", 200)
    told = [visit("P1", "A", 200), confirm("C1", of, "A", 900), confirm("C2", of, "A", 40 * SECOND, nav="bfcache")]
    said = Place(tmp_path, *told, counts(("visit", 1))).said(line(0), asset(MINUTE), whole_days=False)
    assert said["page_views_without_a_request"] == {"bfcache": 1}
    assert why(said) == [(1, "may be asset, fragment, other_html, opted_out, prefetch, frame, websocket")]


def test_a_browser_may_say_another_query_and_a_healed_visit_has_no_status(tmp_path):
    told = [
        visit("P1", "A", 200, query="?a=1"),
        confirm("C1", page("P1", 200), "A", 900, query="?a=2"),
        confirm("C2", page("P2", 20 * SECOND), "A", 21 * SECOND, path="/healed"),
        counts(("visit", 2)),
    ]
    said = Place(tmp_path, *told).said(
        line(0, "GET /?a=1 HTTP/1.1"), line(20 * SECOND, "GET /healed HTTP/1.1"), whole_days=True
    )
    assert rows(said) == {"visit": (2, 2)} and said["is_explained"]


def test_addresses_are_compared_as_they_are_stored(tmp_path):
    kept = visit("P1", "A", 200, path='/%C3%A4"', query="?token=removed&b=%FF")
    said = Place(tmp_path, kept, counts(("visit", 1))).said(
        line(0, r"GET /\xC3\xA4\x22?token=secret&b=\xFF HTTP/1.1"), whole_days=True
    )
    assert said["is_explained"], said


def test_bots_are_matched_with_bots(tmp_path):
    place = Place(tmp_path, visit("P1", "B", 200, bot=True), counts(("bot", 1)))
    assert rows(place.said(line(0, agent=BOT), whole_days=True)) == {"bot": (1, 1)}
    assert not place.said(line(0), whole_days=True)["is_explained"]


def test_lines_that_cannot_be_compared_are_counted_and_shown(tmp_path):
    place = Place(tmp_path, counts(("asset", 9)))
    said = place.said(
        asset(10 * MINUTE),
        "\n",
        "gar\x00bage\x1b[2J\xff\n",
        line(11 * MINUTE, "GET /" + "x" * LINE_MAX_BYTES + " HTTP/1.1"),
        asset(3 * DAY),  # later than now
        asset(0),  # ten minutes late
        asset(9 * MINUTE),  # one minute late
        asset(12 * MINUTE).rstrip(),
    )
    assert (said["lines"], said["malformed"], said["out_of_order"]) == (7, 3, 1)
    assert why(said) == [(3, "cannot be read"), (1, "more than a minute older than lines before them")]
    numbers = [[one["number"] for one in problem["lines"]] for problem in said["unexplained"]]
    assert numbers == [[3, 4, 5], [6]]
    assert f"longer than {LINE_MAX_BYTES:,} bytes" in said["unexplained"][0]["lines"][1]["text"]


def test_only_so_many_lines_are_shown_and_all_are_counted(tmp_path):
    place = Place(tmp_path)
    found = place.reckon(*["x\n"] * 50, options=Options(shown=3))
    text = list(telling.lines_of(found, "access.log", 3))
    assert sum("line " in one and "not in Combined" in one for one in text) == 3
    assert any("and 47 more (--lines N)" in one for one in text) and "Nothing explains 50:" in text


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_log_has_nothing_to_explain(tmp_path, text):
    said = Place(tmp_path, counts(("asset", 1))).said(text)
    assert (said["lines"], said["first"], said["days"], said["is_explained"]) == (0, None, [], True)


def test_an_empty_store_explains_nothing(tmp_path):
    place = Place(tmp_path)
    assert not place.said(line(0), whole_days=True)["is_explained"]
    assert place.said(line(0, "GET /_footfall/t.js HTTP/1.1"))["is_explained"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Warsaw", "America/St_Johns", "Asia/Kathmandu"])
def test_the_logs_zone_makes_no_difference(tmp_path, zone):
    place = Place(tmp_path, visit("P1", "A", 200), counts(("visit", 1)))
    assert place.said(line(0, zone=zone), whole_days=True)["is_explained"]


def test_a_log_of_days_with_long_gaps_is_read_in_steps(tmp_path):
    ats = [n * 5 * HOUR + 200 for n in range(40)]
    place = Place(tmp_path, *[visit(f"P{n}", "A", at) for n, at in enumerate(ats)])
    said = place.said(*[line(at) for at in ats], now=30 * DAY)
    assert sum(rows(said, n).get("visit", (0, 0))[0] for n in range(len(said["days"]))) == 40
    assert not [one for one in said["unexplained"] if "on no line" in one["why"]]


def test_page_views_in_the_middle_that_no_line_shows_are_missed(tmp_path):
    place = Place(tmp_path, *[visit(f"P{n}", "A", n * MINUTE, path=f"/{n}") for n in range(5)], counts(("visit", 9)))
    said = place.said(line(0, "GET /0 HTTP/1.1"), line(4 * MINUTE, "GET /4 HTTP/1.1"))
    assert why(said) == [(3, "page views of ours in the log's time that are on no line")]
    assert [view["address"] for view in said["page_views_without_a_line"]] == ["/1", "/2", "/3"]


def test_gzip_in_several_parts_is_one_log(tmp_path):
    place = Place(tmp_path, visit("P1", "A", 200), counts(("visit", 1), ("asset", 1)))
    place.file = tmp_path / "log.gz"
    place.file.write_bytes(gzip.compress(line(0).encode()) + gzip.compress(asset(0).encode()))
    found = reconcile(place.config, place.file, Options(whole_days=True), now_ms=T + HOUR, at=lambda *_: None)
    assert found.tally.lines == 2 and found.is_explained


def test_a_pipe_has_no_size_and_is_read_all_the_same(tmp_path):
    place = Place(tmp_path, counts(("asset", 1)))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=pipe.write_text, args=(asset(0),))
    writing.start()
    found = reconcile(place.config, pipe, Options(whole_days=True), now_ms=T + HOUR, at=lambda *_: None)
    writing.join()
    assert found.is_explained and found.tally.lines == 1


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: data[:20] + b"\xff" * 8 + data[28:]])
def test_a_spoilt_gzip_is_one_clear_line(tmp_path, spoil):
    place = Place(tmp_path)
    text = "".join(asset(n * SECOND) for n in range(2_000)).encode()
    place.file.write_bytes(spoil(gzip.compress(text)))
    with pytest.raises(StartError, match="cut off or damaged"):
        reconcile(place.config, place.file, Options(), now_ms=T + HOUR, at=lambda *_: None)


@pytest.mark.parametrize("seed", range(8))
def test_any_mixture_that_was_counted_is_explained(tmp_path, seed):
    """What footfall would have counted of made-up requests, in a log that is out of order by a few seconds."""
    dice = random.Random(seed)
    counted, items, lines = {}, [], []
    for n in range(300):
        at = n * 400
        outcome = dice.choice(("visit", "visit", "bot", "asset", "redirect", "prefetch", "opted_out", "head_or_other"))
        path = f"/{dice.randrange(4)}"
        method = "HEAD" if outcome == "head_or_other" else dice.choice(("GET", "POST"))
        status = 302 if outcome == "redirect" else dice.choice((200, 404))
        counted[outcome] = counted.get(outcome, 0) + 1
        if outcome in ("visit", "bot"):
            more = (("method", "POST"),) if method == "POST" else ()
            items.append(visit(f"P{n}", "A", at, path=path, status=status, bot=outcome == "bot", facts=more))
        agent = BOT if outcome == "bot" else FOX
        lines.append((at + dice.randrange(3_000), line(at, f"{method} {path} HTTP/1.1", status, agent)))
    place = Place(tmp_path, *items, counts(*counted.items()))
    ordered = [text for _, text in sorted(lines)]
    said = place.said(*ordered, whole_days=True)
    assert said["is_explained"] and rows(said) == {name: (n, n) for name, n in counted.items()}
    at = dice.randrange(len(ordered))
    assert not place.said(*ordered[:at], *ordered[at + 1 :], whole_days=True)["is_explained"]
    more = place.said(*ordered, line(299 * 400, "GET /1 HTTP/1.1"), whole_days=True)
    [days] = more["days"]
    assert days["unexplained_lines"] == 1 and sum(row["lines"] for row in days["rows"]) == more["lines"] - 1


def test_a_day_is_a_day_of_utc():
    assert (T + MIDNIGHT) % DAY == 0 and timedelta(milliseconds=-MIDNIGHT) < timedelta(days=1)
