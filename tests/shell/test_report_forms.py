"""The pages of forms: which there are, how far people come with one, and where they leave it."""

import pytest
from reports import MINUTE, T, address, confirm, does, page, report, sends, visit, words
from stories import HOST, ident

from proxy.report.chosen import element_text
from proxy.store.base import FormAnswer

SECOND = 1_000
TO = f"https://{HOST}/letter"
FORM = element_text(HOST, "/range", "letter")
ONE = f"of={address(FORM)}&range=today"


def change(event, field, ago, **params):
    return does("field.change", event, ago=ago, form="letter", field=field, filled=True, **params)


def story(name, who, at, *acts, form="letter"):
    """A view of the page, and what is done there; `at` in minutes after T."""
    of = page(name, at * MINUTE)
    yield visit(name, who, at * MINUTE, path="/range")
    yield confirm(f"C{name}", of, who, at * MINUTE + 100, path="/range", title="Range")
    if acts:
        yield sends(of, who, *acts, at=at * MINUTE + 30 * SECOND)


def sent(event, *fields, skipped=(), ago=1_000):
    told = {"skipped": dict.fromkeys(skipped, "type")} if skipped else {}
    return does("form.submit", event, ago=ago, form="letter", fields=dict.fromkeys(fields, "x"), to=TO, **told)


def begun(event, ago=20_000):
    return does("form.start", event, ago=ago, form="letter")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A sends it, and is let in; B is refused, and tries no more; C leaves after the mail, D after nothing; E
    only looks at the page."""
    with report(tmp_path_factory.mktemp("forms") / "store.db", now=40 * MINUTE) as running:
        a = (begun("A1"), change("A2", "email", 15_000, dwell_ms=4_000), change("A3", "name", 9_000, dwell_ms=2_000))
        running.write(*story("P1", "A", 0, *a, sent("A4", "email", "name", skipped=["pass"])))
        running.write(FormAnswer(ident("A"), T + 29 * SECOND + 200, HOST, "/letter", 302))
        b = (begun("B1"), change("B2", "email", 15_000, dwell_ms=9_000, refocus=2), sent("B3", "email"))
        running.write(*story("P2", "B", 2, *b))
        running.write(FormAnswer(ident("B"), T + 2 * MINUTE + 29 * SECOND + 200, HOST, "/letter", 422))
        # Told in another order than they happened.
        running.write(*story("P3", "C", 4, change("C3", "email", 2_000), change("C2", "name", 9_000), begun("C1")))
        running.write(*story("P4", "D", 6, begun("D1")), *story("P5", "E", 8))
        running.write(sends(page("P5", 8 * MINUTE), "E", does("form.start", "E1", form="a b\\c"), at=9 * MINUTE))
        yield running


def test_the_forms_of_a_range_lead_to_their_pages(site):
    told = site.json("/forms.json?range=today")
    assert told["of"] is None and told["forms"]["total"] == 2
    assert [(row["name"], row["started"], row["submitted"], row["visitors"]) for row in told["forms"]["rows"]] == [
        ("letter", 4, 2, 4),
        ("a b\\c", 1, 0, 1),
    ]
    assert [row["name"] for row in site.sheet("/forms.csv?range=today")] == ["letter", "a b\\c"]
    for path in ("/forms?range=today", "/?range=today"):
        links = [link["href"] for link in site.page(path).select("a.pick") if "of=" in link["href"]]
        assert len(links) == 2, path
        assert [words(site.page(link).h1.text) for link in links] == ["letter", "a b\\c"]


def test_a_form_is_told_from_its_page_to_the_sites_answer(site):
    form = site.json(f"/forms.json?{ONE}")["form"]
    steps = {name: tuple(form[name].values()) for name in ("seen", "started", "submitted", "accepted", "rejected")}
    assert steps == {
        "seen": (5, 5, 0, 1.0),
        "started": (4, 4, 0, 0.8),
        "submitted": (2, 2, 0, 0.4),
        "accepted": (1, 1, 0, 0.2),
        "rejected": (1, 1, 0, 0.2),
    }
    assert form["error"]["events"] == 0 and form["results"] == 2
    assert form["statuses"] == [
        {"outcome": "accepted", "status": 302, "results": 1},
        {"outcome": "rejected", "status": 422, "results": 1},
    ]


def test_its_fields_are_told_and_where_it_was_left(site):
    form = site.json(f"/forms.json?{ONE}")["form"]
    fields = {row["name"]: row for row in form["fields"]["rows"]}
    assert list(fields) == ["email", "name", "pass"] and form["fields"]["total"] == 3
    assert fields["email"]["median_ms"] == pytest.approx(4_000, rel=0.05)
    numbers = ("changed", "visitors", "refocused", "refocus", "filled", "skipped")
    assert {name: tuple(row[key] for key in numbers) for name, row in fields.items()} == {
        "email": (3, 3, 1, 2, 2, 0),
        "name": (2, 2, 0, 0, 1, 0),
        "pass": (0, 0, 0, 0, 0, 1),
    }
    assert form["left"] == {
        "views": 2,
        "rows": [{"field": "email", "views": 1}, {"field": None, "views": 1}],
        "total": 2,
    }


def test_its_page_says_the_same(site):
    soup = site.page(f"/forms?{ONE}")
    told = {part["aria-labelledby"]: words(part.get_text(" ")) for part in soup.select("main section")}
    assert "Saw its page 5 100 % 5 Started it 4 80 % 4 Sent it 2 40 % 2 Accepted 1 20 % 1" in told["steps"]
    assert "email 3 3 3.9 s 1 2 times 2 0 name 2 2 2.0 s 0 1 0 pass 0 0 – 0 0 1" in told["fields"]
    assert told["left"].endswith("email 1 none changed 1") and "Of 2 page views" in told["left"]
    assert told["results"].endswith("1 accepted 1 rejected 0 failed Answer Status Times Accepted 302 1 Rejected 422 1")
    assert soup.select_one("nav [aria-current]")["href"] == "/forms"
    hidden = soup.select_one('details.days input[name="of"]')
    assert hidden["value"] == FORM
    for link in soup.select("nav.choose a, main .head a, footer a"):
        assert f"of={address(FORM)}".replace("%20", "+") in link["href"].replace("%20", "+"), link


@pytest.mark.parametrize(
    ("card", "rows"),
    [
        ("", ["seen", "started", "submitted", "accepted", "rejected", "error"]),
        ("fields", ["email", "name", "pass"]),
        ("results", ["accepted", "rejected"]),
        ("left", ["email", ""]),
    ],
)
def test_its_sheets(site, card, rows):
    assert [next(iter(row.values())) for row in site.sheet(f"/forms.csv?{ONE}&card={card}")] == rows


def test_filters_narrow_a_form_to_their_sessions(site):
    did = address(f"form.submit {FORM}")
    form = site.json(f"/forms.json?{ONE}&did={did}")["form"]
    assert [form[name]["events"] for name in ("seen", "started", "submitted")] == [2, 2, 2]
    assert form["left"]["views"] == 0
    assert "Only sessions that sent letter" in words(site.page(f"/forms?{ONE}&did={did}").text)
    assert [row["name"] for row in site.json(f"/forms.json?range=today&did={did}")["forms"]["rows"]] == ["letter"]


@pytest.mark.parametrize("odd", ["", "x", "%20", "shop.example/range", "a b" + "c" * 5_000])
def test_what_is_no_form_asks_for_all(site, odd):
    assert site.json(f"/forms.json?range=today&of={odd.replace(' ', '%20')}")["of"] is None


def test_a_form_that_nobody_used_is_empty(site):
    text = words(site.page("/forms?range=today&of=shop.example/x%20y").main.get_text(" "))
    assert "Nobody saw its page or used it." in text
    assert site.sheet("/forms.csv?range=today&of=shop.example/x%20y&card=fields") == []
