"""The visitor's page over real sockets: what it says in every state, of whom, and that looking at it does nothing."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from privacies import OPENED, PRIVACY, Person, held
from shops import Shop, event, refused, shop
from wire import eventually

from proxy.config import Config
from proxy.intake.buckets import BURST_SECONDS
from proxy.keys import load_keys, to_text
from proxy.privacy.asking import LATEST_SHOWN
from proxy.privacy.page import REQUEST_EVENTS
from proxy.privacy.words import TEXT_SHOWN_CHARS
from proxy.tables import Capture, Consent, Identity, Limits, Report, Site, Store, Tracking
from proxy.visitors.cookie import CookieSigner
from proxy.visitors.ids import parse_uuid
from proxy.visitors.times import DAY_MS

GPC, DNT = (b"sec-gpc", b"1"), (b"dnt", b"1")
RECORDED, NOT, YET = "This browser is being recorded", "This browser is not recorded", "Nothing is recorded"
BASE = Config(report=Report(timezone="UTC"))


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Shop]:
    with shop(replace(BASE, base=tmp_path)) as running:
        yield running


# States -----------------------------------------------------------------------------------------------------------


def test_somebody_who_was_never_here_is_told_so_and_gets_no_cookie(there):
    person = Person(there)
    shown = person.opens()
    assert shown.status == 200 and shown.state.startswith(YET)
    assert list(shown.buttons) == ["Do not record this browser"]
    assert person.cookies == {} and shown.answer.all(b"set-cookie") == []


def test_two_pages_are_shown_with_their_time_and_the_buttons_that_there_are(there):
    person = Person(there)
    person.visits(b"/", title="Bowls & cups")
    person.visits(b"/range?colour=blue", title="The range")
    shown = person.opens()
    assert shown.status == 200 and shown.state == RECORDED
    assert shown.sums == [2, 0, 1]
    assert shown.lines == [
        "Visited page The range /range?colour=blue",
        "Visited page Bowls & cups /",
        "Started session",
    ]
    assert shown.buttons == {
        "Stop recording this browser": "/_footfall/privacy/stop",
        "Download what is held": "/_footfall/privacy/download",
    }
    assert "not tied to a customer" in shown.words
    assert "after 395 days" in shown.words and "network (IP) address" in shown.words
    then = shown.soup.select("time")[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(then["datetime"]))


def test_other_events_say_what_was_done_for_how_long_and_what_was_typed(there):
    person = Person(there)
    uuid = person.visits()
    there.cookie = b"footfall=" + person.cookies[b"footfall"]
    page, _ = there.navigate()
    there.confirm(page)
    events = [
        event("link.hover", name="The range", dwell_ms=2_500),
        event("form.submit", form="newsletter", fields={"email": "ada@shop.example", "news": True}),
        event("page.leave", engaged_ms=61_000),
    ]
    assert there.does(page, *events).status == 202
    shown = person.opens()
    assert shown.sums == [2, 3, 1] and held(there, uuid).others == 3
    assert "Hovered over The range for 2.5 s" in shown.lines
    assert "Submitted newsletter email: ada@shop.example, news: yes" in shown.lines
    assert "Left the page in use for 61.0 s" in shown.lines


STATES = [
    (Consent(), [GPC], {}, "Global Privacy Control", []),
    (Consent(gpc=False), [GPC], {}, YET, ["Do not record this browser"]),
    (Consent(dnt=True), [DNT], {}, "Do Not Track", []),
    (Consent(), [DNT], {}, YET, ["Do not record this browser"]),
    (Consent(), [], {b"footfall_consent": b"out"}, "You said no", ["Record again"]),
    (Consent(mode="opt-in"), [], {}, "only browsers whose owner has agreed", ["Record this browser"]),
    (Consent(mode="opt-in"), [], {b"footfall_consent": b"in"}, YET, ["Do not record this browser"]),
    (Consent(mode="opt-in"), [GPC], {b"footfall_consent": b"in"}, "Global Privacy Control", []),
]


@pytest.mark.parametrize(("consent", "fields", "cookies", "said", "buttons"), STATES)
def test_why_a_browser_is_not_recorded_is_said_and_the_next_page_does_as_it_says(
    tmp_path, consent, fields, cookies, said, buttons
):
    with shop(replace(BASE, base=tmp_path, consent=consent)) as there:
        person = Person(there, fields, cookies=dict(cookies))
        shown = person.opens()
        assert said in shown.words and list(shown.buttons) == buttons
        assert (shown.state == NOT) == (said != YET)
        answer = person.ask(b"GET", b"/", [(b"accept", b"text/html"), *OPENED])
        assert bool(answer.all(b"set-cookie")) == (said == YET)


def test_a_program_is_told_that_it_counts_as_one(there):
    shown = Person(there, agent=b"Googlebot/2.1 (+http://www.google.com/bot.html)").opens()
    assert shown.state == "This browser is not recorded as a person’s" and shown.buttons == {}


def test_where_no_visits_are_recorded_it_says_so(tmp_path):
    with shop(replace(BASE, base=tmp_path, tracking=Tracking(visits=False))) as there:
        shown = Person(there).opens()
        assert "At present this site records no page views" in shown.words and shown.buttons == {}


def test_what_is_held_is_shown_also_while_a_signal_forbids_more(there):
    person = Person(there)
    person.visits()
    person.fields = [GPC]
    shown = person.opens()
    assert shown.state == NOT and shown.sums == [1, 0, 1]
    assert list(shown.buttons) == ["Download what is held"]


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (Store(retention_days=30), "Each event goes by itself after 30 days"),
        (Store(retention_days=0), "no time after which it goes by itself"),
    ],
)
def test_how_long_things_are_kept_is_what_is_configured(tmp_path, store, said):
    with shop(replace(BASE, base=tmp_path, store=store, capture=Capture(forms=False))) as there:
        words = Person(there).opens().words
        assert said in words
        assert "What you type." in words and "form fields" not in words


def test_a_customer_is_told_that_this_browser_is_theirs(tmp_path):
    with shop(replace(BASE, base=tmp_path, identity=Identity(field="email"))) as there:
        person = Person(there)
        person.visits()
        there.cookie = b"footfall=" + person.cookies[b"footfall"]
        page, _ = there.navigate()
        there.does(page, event("form.submit", form="login", fields={"email": "ada@shop.example"}))
        assert "tied to a customer of the site: somebody" in person.opens().words


def test_the_owner_can_have_no_such_page(tmp_path):
    with shop(replace(BASE, base=tmp_path, consent=Consent(page=False))) as there:
        for path in (PRIVACY, PRIVACY + b"/erase", PRIVACY + b"/stop"):
            assert refused(there.request(b"GET", path, [])) == (404, "not_found")


# Whose it is ------------------------------------------------------------------------------------------------------


def test_everybody_sees_their_own(there):
    ann, bob = Person(there), Person(there)
    ann.visits(b"/ann", title="Ann's page")
    bob.visits(b"/bob", title="Bob's page")
    for person, own, other in ((ann, "Ann", "Bob"), (bob, "Bob", "Ann")):
        words = person.opens().words
        assert f"{own}'s page" in words and f"{other}'s page" not in words


def test_no_address_can_ask_for_anybody_else(there):
    ann, bob = Person(there), Person(there)
    uuid = ann.visits(b"/ann", title="Ann's page")
    bob.visits(b"/bob")
    for query in (f"?visitor={uuid}", f"?uuid={uuid}", f"?token={uuid}", f"/{uuid}"):
        assert "Ann's page" not in bob.opens(query.encode()).words


def bent(value: bytes) -> list[bytes]:
    head, _, signature = value.partition(b".")
    last = b"A" if signature[-2:-1] != b"A" else b"B"
    return [b"", b"x", head, head + b".", b"B" + value[1:], value[:-2] + last + value[-1:], value + b"A", value * 2]


def test_a_cookie_that_is_not_to_be_believed_shows_nothing(there):
    ann = Person(there)
    ann.visits(b"/ann", title="Ann's page")
    good = ann.cookies[b"footfall"]
    for value in bent(good):
        shown = Person(there, cookies={b"footfall": value}).opens()
        assert shown.status == 200 and shown.sums == [] and "Ann's page" not in shown.words
        assert shown.state.startswith(YET)
    assert "no longer counts" in Person(there, cookies={b"footfall": good[:-3] + b"AAA"}).opens().words
    # Of the other scheme: http's cookie is nothing on https, and the reverse.
    assert Person(there, cookies={b"__Host-footfall": good}).opens().sums == []


def test_a_retired_key_still_opens_and_one_that_is_gone_does_not(tmp_path):
    with shop(replace(BASE, base=tmp_path)) as there:
        ann = Person(there)
        ann.visits(b"/ann", title="Ann's page")
    file = tmp_path / "footfall.key"
    lines = file.read_text()
    keys = load_keys(file)
    again = tmp_path / "other"
    again.mkdir()
    (newer,) = load_keys(again / "footfall.key")
    newer = newer._replace(id=keys[0].id + 1)
    file.write_text(to_text([newer]) + lines)
    assert load_keys(file) == (newer, *keys)
    with shop(replace(BASE, base=tmp_path)) as there:
        ann.shop = there
        before = dict(ann.cookies)
        assert "Ann's page" in ann.opens().words
        assert ann.cookies == before  # looking signs nothing again
    file.write_text(to_text([newer]))
    with shop(replace(BASE, base=tmp_path)) as there:
        ann.shop = there
        shown = ann.opens()
        assert shown.sums == [] and "no longer counts" in shown.words


def test_an_old_cookie_counts_no_more(there):
    ann = Person(there)
    uuid = ann.visits()
    cookies = CookieSigner(load_keys(there.config.key_path))
    today = int(there.rows()[0]["time"]) // DAY_MS
    raw = parse_uuid(uuid)
    assert raw is not None
    for age, shows in ((394, True), (395, False), (-2, False)):
        ann.cookies[b"footfall"] = cookies.value(raw, today - age)
        assert bool(ann.opens().sums) is shows


def test_it_is_the_https_cookie_behind_https(tmp_path):
    with shop(replace(BASE, base=tmp_path, site=Site(public_origin="https://shop.example"))) as there:
        person = Person(there)
        person.visits()
        assert list(person.cookies) == [b"__Host-footfall"]
        assert person.opens().sums == [1, 0, 1]


# Looking changes nothing ------------------------------------------------------------------------------------------


def test_looking_is_no_visit_sets_no_cookie_and_is_not_tagged(there):
    person = Person(there)
    person.visits()
    assert eventually(lambda: "visit" in there.outcomes())
    before, cookies, outcomes = there.rows(None), dict(person.cookies), there.outcomes()
    for path in (b"", b"/erase"):
        for method in (b"GET", b"HEAD"):
            answer = person.ask(method, PRIVACY + path, OPENED)
            assert answer.status == 200 and answer.all(b"set-cookie") == []
            assert b"data-page" not in answer.body and answer.get(b"x-footfall") is None
            assert bool(answer.body) == (method == b"GET")
    person.visits(b"/later")
    assert eventually(lambda: there.outcomes().get("visit") == outcomes["visit"] + 1)
    assert set(there.outcomes()) == set(outcomes)
    assert there.rows(None)[: len(before)] == before
    assert person.cookies == cookies


@pytest.mark.parametrize("action", [b"stop", b"record", b"download"])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH"])
def test_an_action_is_a_post(there, action, method):
    person = Person(there)
    person.visits()
    token = person.opens().token.encode()
    cookies = dict(person.cookies)
    for query in (b"", b"?token=" + token):
        answer = person.ask(method, PRIVACY + b"/" + action + query, [(b"sec-fetch-site", b"same-origin")])
        assert answer.status == 405 and answer.get(b"allow") == b"POST" and answer.all(b"set-cookie") == []
    assert person.cookies == cookies and person.opens().sums == [1, 0, 1]


def test_asking_for_the_question_erases_nothing(there):
    person = Person(there)
    uuid = person.visits()
    token = person.opens().token.encode()
    shown = person.opens(b"/erase?token=" + token + b"&stop=1")
    assert shown.heading.startswith("Erase what") and shown.sums == [1, 0, 1]
    assert shown.buttons == {"Erase it all": "/_footfall/privacy/erase"}
    box = shown.soup.select_one('input[type="checkbox"]')
    assert box is not None and not box.has_attr("checked")
    assert [label["for"] for label in shown.soup.select("label")] == [box["id"]]
    assert held(there, uuid).views == 1


def test_only_whom_something_is_held_of_is_asked_whether_to_erase_it(there):
    shown = Person(there).opens(b"/erase")
    assert shown.status == 404 and shown.heading == "Nothing is known of this browser"


# The door ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [b"", b"/erase", b"/stop"])
def test_every_answer_has_a_policy_that_lets_nothing_in_and_nobody_frame_it(there, path):
    person = Person(there)
    person.visits()
    answer = person.sends(b"stop", token="") if path == b"/stop" else person.ask(b"GET", PRIVACY + path, OPENED)
    policy = (answer.get(b"content-security-policy") or b"").decode()
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; form-action 'self'; "
        r"frame-ancestors 'none'; base-uri 'none'",
        policy,
    )
    for name, value in {
        b"cache-control": b"no-store",
        b"referrer-policy": b"same-origin",
        b"x-frame-options": b"DENY",
        b"x-content-type-options": b"nosniff",
        b"cross-origin-resource-policy": b"same-origin",
        b"content-type": b"text/html; charset=utf-8",
    }.items():
        assert answer.all(name) == [value], name
    assert not [name for name, _ in answer.fields if name.startswith(b"access-control-")]
    assert not re.search(
        rb"<script|<img|<iframe|<link(?! rel=\"icon\" href=\"data:,\")|style=|\son[a-z]+=", answer.body
    )
    assert set(re.findall(rb'(?:href|src|action)="([^"]*)"', answer.body)) <= {
        *(b"/", b"data:,", PRIVACY, *(PRIVACY + b"/" + name for name in (b"stop", b"erase", b"download"))),
    }


@pytest.mark.parametrize("destination", [b"iframe", b"frame", b"embed", b"object", b"fencedframe"])
def test_it_is_not_shown_inside_another_page(there, destination):
    person = Person(there)
    person.visits(title="Ann's page")
    for site in (b"cross-site", b"same-site", b"same-origin"):
        shown = person.opens(
            fields=[(b"sec-fetch-dest", destination), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-site", site)]
        )
        assert shown.status == 403 and "Ann's page" not in shown.words and shown.buttons == {}


def test_x1_only_the_address_to_the_byte_is_ours(there):
    for path in (b"/privac%79", b"/privacy/", b"/Privacy", b"//privacy", b"/privacy/erase/", b"/privacy%2Ferase"):
        assert refused(there.request(b"GET", b"/_footfall" + path, [])) == (404, "not_found")


# Hostile and large ------------------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "</bdi></li></ol><form action=https://evil.example><button>Win",
    '"><img src=x onerror=alert(1)>',
    "{{ 90907 * 80809 }}{% raw %}",
    "\u202egpj.exe\u2066",
    "&lt;b&gt;",
    "</style><style>*{display:none}",
]


def test_hostile_titles_and_names_are_text(there):
    person = Person(there)
    for number, text in enumerate(HOSTILE):
        person.visits(b"/%d" % number, title=text)
    there.cookie = b"footfall=" + person.cookies[b"footfall"]
    page, _ = there.navigate()
    there.confirm(page)
    there.does(page, *(event("link.click", name=text) for text in HOSTILE))
    there.does(page, event("form.submit", form="f", fields={"a": HOSTILE[0], "b": [HOSTILE[2], True]}))
    shown = person.opens()
    for text in HOSTILE:
        if "\u202e" not in text:  # cleaned on the way in
            assert any(line.startswith(f"Visited page {text} /") for line in shown.lines), text
            assert f"Clicked {text}" in shown.lines
    assert f"a: {HOSTILE[0]}, b: {HOSTILE[2]}, yes" in next(
        line for line in shown.lines if line.startswith("Submitted")
    )
    assert not shown.soup.select("script, img, iframe, b") and len(shown.buttons) == 2
    # What a template would make of 90907 * 80809; no time and no uuid has it by chance.
    assert b"7346103763" not in shown.answer.body


def test_long_texts_are_cut(there):
    person = Person(there)
    person.visits(b"/" + b"x" * 400, title="y" * 900)
    line = person.opens().lines[0]
    assert len(line) <= 2 * TEXT_SHOWN_CHARS + 1 and line.count("…") == 2


def test_a_hostile_host_is_text(there):
    answer = there.served.ask(
        b'GET /_footfall/privacy HTTP/1.1\r\nHost: a"><script>.example\r\nUser-Agent: Firefox/140\r\n\r\n'
    )
    assert answer.status in (200, 400) and b"<script" not in answer.body


def test_the_latest_fifty_are_listed_and_all_are_counted(there):
    person = Person(there)
    uuid = person.visits()
    there.cookie = b"footfall=" + person.cookies[b"footfall"]
    page, _ = there.navigate()
    there.confirm(page)
    for start in range(0, 120, 40):
        there.does(page, *(event("link.click", name=f"link {number}") for number in range(start, start + 40)))
    assert eventually(lambda: held(there, uuid).others == 120)
    shown = person.opens()
    assert shown.sums == [2, 120, 1] and len(shown.lines) == LATEST_SHOWN
    assert f"At most the latest {LATEST_SHOWN} events" in shown.words


# The store in trouble ---------------------------------------------------------------------------------------------


def in_trouble(person: Person) -> None:
    """It says so kindly, and what needs no store works."""
    for path in (b"", b"/erase"):
        shown = person.opens(path)
        assert shown.status == (200 if path else 503)
        assert "Traceback" not in shown.words and "sqlite" not in shown.words.lower() and ".db" not in shown.words
    shown = person.opens()
    assert shown.state == RECORDED and "cannot be looked up at this moment" in shown.words
    assert shown.answer.get(b"retry-after") is not None
    answer = person.sends(b"download")
    assert answer.status == 503 and b"could not be made" in answer.body
    answer = person.sends(b"stop")
    assert answer.status == 303 and person.cookies == {b"footfall_consent": b"out"}
    assert person.opens().status == 200


def test_a_store_that_is_gone_is_told_kindly(there):
    person = Person(there)
    person.visits()
    for file in there.config.base.glob("footfall.db*"):
        file.unlink()
    in_trouble(person)


def test_a_store_that_is_spoilt_is_told_kindly(there):
    person = Person(there)
    person.visits()
    store = there.config.store_path
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.write_bytes(b"SQLite format 3\0" + b"\xff" * (store.stat().st_size - 16))
    in_trouble(person)


def test_rows_that_make_no_sense_are_told_kindly(there):
    person = Person(there)
    person.visits()
    with contextlib.closing(sqlite3.connect(there.config.store_path, isolation_level=None)) as connection:
        connection.execute("UPDATE word SET value = '{' || id WHERE value LIKE '{%'")
    in_trouble(person)


def test_it_is_asked_for_as_often_as_people_do(tmp_path):
    limits = Limits(address_events_per_second=10 * REQUEST_EVENTS // BURST_SECONDS)
    with shop(replace(BASE, base=tmp_path, limits=limits)) as there:
        statuses = [Person(there).opens().status for _ in range(20)]
        assert statuses[:10] == [200] * 10 and 429 in statuses[10:]
        shown = Person(there).opens()
        assert shown.status in (200, 429)
        assert Person(there).ask(b"GET", b"/", [(b"accept", b"text/html"), *OPENED]).status == 200
