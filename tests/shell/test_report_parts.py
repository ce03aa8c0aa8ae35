"""Long lists go on: every event of a visitor can be reached by links, and by the cursors of the JSON, once."""

import uuid

import pytest
from bs4 import BeautifulSoup
from reports import MINUTE, Site, confirm, does, page, report, sends, visit, words

from proxy.report.people import EVENTS_SHOWN, LOOSE_SHOWN, VISITORS_SHOWN
from proxy.store.base import Item

DAY = 24 * 60 * MINUTE


def who(name: str) -> str:
    return f"/visitors/{uuid.UUID(bytes=name.encode().rjust(16, bytes(1)))}"


def session_of(events: int, name: str = "V1") -> list[Item]:
    """A session of one page with so many events in all: its start, its page, and clicks, many at the same moment."""
    clicks = [does("link.click", f"{name}{n}", name=f"click {n}", ago=(n // 7) * 10) for n in range(events - 2)]
    return [visit("P1", name), confirm("C1", page("P1"), name, 500), sends(page("P1"), name, *clicks, at=MINUTE)]


def followed(site: Site, path: str, selector: str) -> list[BeautifulSoup]:
    """The pages that a link leads to, one after the other."""
    pages = [site.page(path)]
    while link := pages[-1].select_one(selector):
        pages.append(site.page(link["href"]))
    return pages


LATER, EARLIER = '.next a[href*="after="]', '.next a[href*="session=none"]'


@pytest.mark.parametrize(
    ("events", "parts"),
    [(EVENTS_SHOWN - 1, 1), (EVENTS_SHOWN, 1), (EVENTS_SHOWN + 1, 2), (2 * EVENTS_SHOWN, 2), (2 * EVENTS_SHOWN + 5, 3)],
)
def test_a_session_is_told_to_its_end_in_parts(tmp_path, events, parts):
    with report(tmp_path / "store.db") as site:
        site.write(*session_of(events))
        pages = followed(site, who("V1"), LATER)
        assert len(pages) == parts
        shown = [item.find("p").text for one in pages for item in one.select(".story li:not(.pause)")]
        stories, path = [], f"{who('V1')}.json"
        while True:
            [session] = site.json(path)["sessions"]
            assert session["more"] == (session["after"] is not None)
            assert session["channel"] == "direct" and session["events"] == events - 1
            stories += session["story"]
            if not session["more"]:
                break
            path = f"{who('V1')}.json?session={session['id']}&after={session['after']}"
        assert len(stories) == len({line["seq"] for line in stories}) == events == len(shown)
        assert [(line["time"], line["seq"]) for line in stories] == sorted(
            (line["time"], line["seq"]) for line in stories
        )
        assert all(words(line["label"]) in words(text) for line, text in zip(stories, shown, strict=True))
        assert all(line["pause_ms"] is not None for line in stories[1:])


def test_the_parts_of_a_session_lead_back_and_have_their_json(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*session_of(EVENTS_SHOWN + 5))
        second = followed(site, who("V1"), LATER)[1]
        json_link = second.select_one("footer a")["href"]
        assert len(site.json(json_link)["sessions"][0]["story"]) == 5
        assert second.select_one(f'.crumbs a[href="{who("V1")}"]') is not None
        begin = second.select_one(".note a")["href"]
        assert len(site.page(begin).select(".story li:not(.pause)")) == EVENTS_SHOWN


@pytest.mark.parametrize(
    "events", [LOOSE_SHOWN - 1, LOOSE_SHOWN, LOOSE_SHOWN + 1, 2 * LOOSE_SHOWN, 2 * LOOSE_SHOWN + 3]
)
def test_what_is_outside_any_session_is_told_to_its_beginning(tmp_path, events):
    with report(tmp_path / "store.db") as site:
        site.write(*(visit(f"P{n}", "V1", (n // 3) * 10, bot=True) for n in range(events)))
        pages = followed(site, who("V1"), EARLIER)
        assert len(pages) == -(-events // LOOSE_SHOWN)
        assert sum(len(one.select(".story li:not(.pause)")) for one in pages) == events
        seqs, before = [], None
        while True:
            said = site.json(f"{who('V1')}.json" + (f"?session=none&before={before}" if before else ""))
            assert said["sessions"] == []
            seqs += reversed([line["seq"] for line in said["loose"]])
            before = said["loose_before"]
            if before is None:
                break
        assert seqs == sorted(seqs, reverse=True) and len(set(seqs)) == events
        assert len(site.json(pages[-1].select_one("footer a")["href"])["loose"]) == (events - 1) % LOOSE_SHOWN + 1


def test_loose_events_stand_below_the_latest_sessions_only(tmp_path):
    with report(tmp_path / "store.db", now=30 * DAY) as site:
        site.write(*(visit(f"P{n}", "V1", n * 60 * MINUTE, came_back=n > 0) for n in range(12)))
        site.write(sends(page("P0"), "V1", does("page.leave", "L1", engaged_ms=0), at=20 * 60 * MINUTE))
        first, second = followed(site, who("V1"), '.next a[href*="?before="]')
        assert len(first.select("#loose")) == 1 and len(second.select("#loose")) == 0
        assert len(first.select(".stay h2")) == 11 and len(second.select(".stay h2")) == 2


def test_a_program_reads_a_long_history_by_its_cursors(tmp_path):
    with report(tmp_path / "store.db", now=30 * DAY) as site:
        site.write(*(visit(f"P{n}", "V1", n * 60 * MINUTE, came_back=n > 0) for n in range(25)))
        said, seen = site.json(f"{who('V1')}.json"), []
        while True:
            seen += [session["id"] for session in said["sessions"]]
            if said["next"] is None:
                break
            start, key = said["next"].split("-")
            assert int(start) == said["sessions"][-1]["start"] and key.isdigit()
            said = site.json(f"{who('V1')}.json?before={said['next']}")
        assert len(seen) == len(set(seen)) == 25


def test_a_twins_address_keeps_the_part_that_was_asked_for(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "VA"), visit("P2", "VB", 100), confirm("C1", page("P1"), "VB", 500))
        session = site.json(f"{who('VB')}.json")["sessions"][0]["id"]
        for kind in ("", ".json"):
            for query in ("before=99-3", f"session={session}&after=99-3", "session=none&before=99-3"):
                answer = site.get(f"{who('VA')}{kind}?{query}")
                assert (answer.status, answer.get(b"location")) == (303, f"{who('VB')}{kind}?{query}".encode())


def test_the_json_of_a_page_is_that_of_the_same_part(tmp_path):
    with report(tmp_path / "store.db", now=30 * DAY) as site:
        site.write(*(visit(f"P{n}", "V1", n * 60 * MINUTE, came_back=n > 0) for n in range(15)))
        second = followed(site, who("V1"), '.next a[href*="before="]')[1]
        assert len(site.json(second.select_one("footer a")["href"])["sessions"]) == 5
        site.write(*(visit(f"Q{n}", f"W{n}", n * 1_000) for n in range(VISITORS_SHOWN + 10)))
        path = "/visitors?range=90d&lane=unproven"
        second = followed(site, path, ".next a")[1]
        assert len(site.json(second.select_one("footer a")["href"])["visitors"]["rows"]) == 10


@pytest.mark.parametrize(("visitors", "pages"), [(VISITORS_SHOWN, 1), (VISITORS_SHOWN + 1, 2)])
def test_a_list_that_is_just_full_has_no_next_page(tmp_path, visitors, pages):
    with report(tmp_path / "store.db") as site:
        site.write(*(visit(f"Q{n}", f"W{n}", n) for n in range(visitors)))
        assert len(followed(site, "/visitors?lane=unproven", ".next a")) == pages


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("session=x", 404),
        ("session=00000000-0000-0000-0000-000000000000", 404),
        ("session=%00&after=1-1", 404),
        ("session=none&before=x", 200),
        ("after=1-1", 200),
        ("session=&before=", 200),
        ("before=" + "9" * 30 + "-1", 200),
    ],
)
def test_an_odd_part_is_not_there_or_the_whole(tmp_path, query, status):
    with report(tmp_path / "store.db") as site:
        site.write(*session_of(5))
        for kind in ("", ".json"):
            assert site.get(f"{who('V1')}{kind}?{query}").status == status
        if status == 200 and "none" not in query:
            assert len(site.json(f"{who('V1')}.json?{query}")["sessions"][0]["story"]) == 5
