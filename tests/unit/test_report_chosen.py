"""Filters of an address: what is one, what it asks for, how it reads."""

import pytest
from stories import HOST, MINUTE, T, confirm, does, page, sends, visit

from proxy.report import chosen, people
from proxy.report.chosen import (
    TEXT_CHARS,
    Chosen,
    chosen_of,
    did_text,
    filters_of,
    page_text,
    source_text,
    told_of,
)
from proxy.report.overview import overview
from proxy.report.pages import filter_words, view
from proxy.report.ranges import Earlier, spanning
from proxy.store.questions import MOST_FILTERS, CameFrom, Did, Origin, Saw
from proxy.store.sqlite.questions import SqliteQuestions

HOUR = 60 * MINUTE
ACTION = "banner.click"
ODD = [
    ("page", ""),
    ("page", "shop.example"),
    ("page", "/range"),
    ("page", f"shop.example/{'x' * TEXT_CHARS}"),
    ("did", "banner.click"),
    ("did", "banner.click shop.example/"),
    ("did", "banner.click shop.example/ "),
    ("did", "banner shop.example/ Sale"),
    ("did", "../../etc shop.example/ Sale"),
    ("did", "banner.click shop.example/\udcff Sale"),
    ("page", "https://shop.example/range"),
    ("page", "shop.example/\udcff"),
    ("source", ""),
    ("source", "google.com"),
    ("source", "search "),
    ("source", "search \udcff"),
    ("lane", "bot"),
    ("only", "page"),
]


@pytest.mark.parametrize(("key", "text"), ODD)
def test_what_is_odd_is_no_filter(key, text):
    assert chosen_of([(key, text)]) == ()


@pytest.mark.parametrize(
    ("key", "text", "wanted", "words"),
    [
        ("page", page_text(HOST, "/range"), Saw(HOST, "/range"), ("saw", "/range")),
        ("page", page_text(f"{HOST}:8080", "/a/b c"), Saw(f"{HOST}:8080", "/a/b c"), ("saw", "/a/b c")),
        (
            "did",
            did_text(ACTION, HOST, "/", " Spring  sale "),
            Did(ACTION, HOST, "/", " Spring  sale "),
            ("clicked", " Spring  sale , banner on /"),
        ),
        (
            "did",
            did_text("form.submit", HOST, "/a", "order"),
            Did("form.submit", HOST, "/a", "order"),
            ("sent", "order, form on /a"),
        ),
        (
            "did",
            did_text(ACTION, HOST, "/a b\\ c\\", "\\ d"),
            Did(ACTION, HOST, "/a b\\ c\\", "\\ d"),
            ("clicked", "\\ d, banner on /a b\\ c\\"),
        ),
        ("did", did_text("link.hover", HOST, "", "x"), Did("link.hover", HOST, "", "x"), ("hovered over", None)),
    ],
)
def test_what_a_row_is_called_in_an_address_is_what_is_asked_for(key, text, wanted, words):
    (one,) = chosen_of([(key, text), (key, text)])
    assert filters_of(None, [one], T, T + HOUR) == [wanted]
    word, what = filter_words(told_of(one), several_hosts=False)
    assert word == words[0] and words[1] in (what, None)


def test_one_thing_has_one_spelling():
    assert len(chosen_of([("did", "banner.click h/ Sale"), ("did", r"banner.click \h/ Sale")])) == 1


def test_a_source_and_its_campaign_are_told_apart_wherever_a_dot_is():
    sources = [("a · b", "c"), ("a", "b · c"), ("a · b · c", None), ("a \\· b", "c"), ("a", None), ("a\\", "b")]
    texts = {source_text({"channel": "campaign", "name": name, "campaign": of}) for name, of in sources}
    assert len(texts) == len(sources)


def test_only_so_many_are_taken_in_their_order():
    pairs = [("page", f"h/{n}") for n in range(MOST_FILTERS + 3)]
    assert chosen_of([("range", "today"), *pairs]) == tuple(Chosen(*pair) for pair in pairs[:MOST_FILTERS])


@pytest.fixture
def shop(engine):
    """A came by two spellings of one search, B by a letter, C by nothing; A also an hour later, in the middle of a
    session that had begun before."""
    engine.append(
        visit("P1", "A", referrer="https://www.google.com/"),
        confirm("C1", page("P1"), "A", 1, title="Home"),
        visit("P2", "B", MINUTE, path="/range", referrer="https://letter.example/"),
        confirm("C2", page("P2", MINUTE), "B", MINUTE + 1, path="/range"),
        sends(page("P2", MINUTE, new=False), "B", does(ACTION, "E1", name="Sale"), at=2 * MINUTE),
        visit("P3", "C", 2 * MINUTE, path="/range"),
        confirm("C3", page("P3", 2 * MINUTE), "C", 2 * MINUTE + 1, path="/range"),
        visit("P4", "D", 3 * MINUTE, referrer="https://google.com/"),
        confirm("C4", page("P4", 3 * MINUTE), "D", 3 * MINUTE + 1),
    )
    return engine


def shown(engine, *wanted, since=-HOUR, until=HOUR):
    span = spanning(T + since, T + until, None)
    with engine.asked() as reader:
        return overview(reader, span, 2, chosen=chosen_of(wanted), limit=10, now_ms=T + until)


def test_every_row_of_the_overview_is_a_filter_that_finds_it_again(shop):
    whole = shown(shop)
    assert whole["filters"] == [] and whole["since"] == whole["range"]["since"]
    for row in whole["pages"]["rows"]:
        narrow = shown(shop, ("page", page_text(row["host"], row["path"])))
        assert {**row, "title": None} in [{**one, "title": None} for one in narrow["pages"]["rows"]]
        assert narrow["totals"]["sessions"] == row["visitors"]
    for row in whole["sources"]["rows"]:
        narrow = shown(shop, ("source", source_text(row)))
        assert narrow["sources"]["rows"] == [row] and narrow["totals"]["sessions"] == row["sessions"]
    for row in whole["clicks"]["rows"]:
        narrow = shown(shop, ("did", did_text(row["action"], row["host"], row["path"], row["name"])))
        assert narrow["clicks"]["rows"] == [row] and narrow["totals"]["visitors"] == row["visitors"]


def test_a_source_is_all_its_spellings_also_of_sessions_that_began_before(shop):
    google = ("source", "search google.com")
    with shop.asked() as reader:
        (came,) = filters_of(reader, chosen_of([google]), T, T + HOUR)
        assert isinstance(came, CameFrom)
        assert set(came.origins) == {Origin(name, None, None, None, HOST) for name in ("www.google.com", "google.com")}
    assert shown(shop, google)["totals"]["sessions"] == 2
    shop.append(visit("P5", "A", 20 * MINUTE, path="/late", came_back=True))
    late = shown(shop, google, since=10 * MINUTE)
    assert late["totals"] | {"views": 1, "visitors": 1, "sessions": 0} == late["totals"]


def test_a_source_that_is_rare_in_all_but_now_is_found_whole(shop, monkeypatch):
    """Of the origins of all times only the most frequent are read."""
    monkeypatch.setattr(chosen, "SOURCES_READ", 4)
    shop.append(*(visit(f"O{n}", f"O{n}", -90 * 24 * HOUR + n, query=f"?utm_source={n // 2}") for n in range(20)))
    assert shown(shop, ("source", "search google.com"))["totals"]["sessions"] == 2


def test_where_sessions_cannot_be_found_in_time_the_rest_of_the_page_is_there(shop):
    reader = SqliteQuestions(shop.place, question_seconds=-1)
    span = spanning(T - HOUR, T + HOUR, None)
    filters = chosen_of([("page", f"{HOST}/range")])
    model = overview(reader, span, 2, chosen=filters, limit=10, now_ms=T + HOUR)
    assert {"filters", "pages", "lanes", "clicks"} <= set(model["late"]) and model["pages"] is None
    assert [one["kind"] for one in model["filters"]] == ["saw"]
    found = people.visitors(reader, span, 2, None, chosen=filters)
    assert found["visitors"] is None and found["late"] == ["hosts", "filters", "visitors"]
    reader.close()


def test_filters_narrow_each_other_and_what_knows_no_session_is_left_out(shop):
    narrow = shown(shop, ("page", f"{HOST}/range"), ("source", "referral letter.example"))
    assert narrow["totals"]["visitors"] == 1 and narrow["late"] == []
    assert [narrow[name] for name in ("requests", "rejected", "blocked")] == [None] * 3
    assert [one["kind"] for one in narrow["filters"]] == ["saw", "came"]
    assert shown(shop, ("source", "search nobody.example"))["totals"]["visitors"] == 0


def test_what_a_range_is_compared_with_is_narrowed_by_the_same_filters(shop):
    """A, B and D came in the hour before; of these, B saw the range."""
    shop.append(visit("P5", "B", HOUR + MINUTE, path="/range", came_back=True))
    span, earlier = spanning(T + HOUR, T + 2 * HOUR, None), Earlier(T, T + HOUR, "the hour before")
    with shop.asked() as reader:
        for filters, visitors in (((), 4), (chosen_of([("page", f"{HOST}/range")]), 2)):
            model = overview(reader, span, 2, chosen=filters, earlier=earlier, limit=10, now_ms=T + 2 * HOUR)
            assert model["totals"]["visitors"] == 1 and model["earlier"]["totals"]["visitors"] == visitors
            assert model["earlier"]["label"] == "the hour before"


def test_with_nothing_before_nothing_is_compared(shop):
    span, earlier = spanning(T, T + HOUR, None), Earlier(T - HOUR, T, "the hour before")
    with shop.asked() as reader:
        assert overview(reader, span, 2, earlier=earlier, limit=10, now_ms=T)["earlier"] is None


def test_what_cannot_be_told_in_time_is_not_compared(shop):
    reader = SqliteQuestions(shop.place, question_seconds=-1)
    earlier = Earlier(T - HOUR, T, "the hour before")
    assert overview(reader, spanning(T, T + HOUR, None), 2, earlier=earlier, limit=1, now_ms=T)["earlier"] is None
    reader.close()


def test_an_address_keeps_what_was_chosen():
    kept = [Chosen("page", "h/ä"), Chosen("source", "search google.com")]
    model = {"range": {"name": "7d"}, "lane": "person", "filters": [told_of(one) for one in kept]}
    base = "/?range=7d&lane=person"
    both = f"{base}&page=h%2F%C3%A4&source=search+google.com"
    assert view("/", model) == view("/", model, more=kept[0]) == both
    assert view("/", model, less=0) == f"{base}&source=search+google.com"
    assert (
        view("/", model, more=Chosen("page", "h/b"), rows="all")
        == both.replace("&page", "&rows=all&page", 1) + "&page=h%2Fb"
    )
    assert view("/", model, lane=None, range="30d").startswith("/?range=30d&page=")
