"""The collector and what people do: partial acceptance, what is never kept, repeats, pace, consent (WIRE.md; X2)."""

import base64
import contextlib
import gzip
import json
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shops import NEW, PAGE, SAME, TEXT, Shop, event, shop, told
from taken import some
from wire import eventually

from proxy.config import Config
from proxy.intake.buckets import BURST_SECONDS
from proxy.tables import Capture, Consent, Limits

CARD, PASSWORD = "4111 1111 1111 1111", "correct horse battery"
CALM = Limits(visitor_events_per_second=0, address_events_per_second=0)
HOSTILE_BODIES = some(10_000, 5)
NAVIGATION = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
YES = (b"cookie", b"footfall_consent=in")


@pytest.fixture
def there(tmp_path):
    with shop(Config(base=tmp_path, limits=CALM)) as running:
        yield running


async def validating(scope, receive, send):
    """A page with an entity tag, which is honoured."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    fresh = dict(scope["headers"]).get(b"if-none-match") == b'"v1"'
    body = b"" if fresh else PAGE
    headers = [(b"content-type", b"text/html"), (b"etag", b'"v1"')]
    await send({"type": "http.response.start", "status": 304 if fresh else 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@pytest.fixture
def validated(tmp_path):
    with shop(Config(base=tmp_path, limits=CALM), site=validating) as running:
        yield running


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with shop(Config(base=tmp_path_factory.mktemp("hostile"), limits=CALM)) as running:
        yield running


def settled(there: Shop, *events: object, **more: object) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What the answer says, and every stored event but those of the visit."""
    page, _ = there.navigate()
    answer = there.does(page, *events, **more)
    assert answer.status == 202
    rows = [row for row in there.rows(None) if row["action"] not in ("session.start", "page.visit")]
    return told(answer), rows


# Acceptance ----------------------------------------------------------------------------------------------------------


def test_what_is_accepted_is_on_disk_when_the_answer_says_so(there):
    hover = event("banner.hover", name="Spring sale", dwell_ms="1200", sku="S1")
    click = event("link.click", name="Buy", via="mouse", href="https://shop.example/buy?token=t#x")
    said, rows = settled(there, hover, click)
    assert said == {"accepted": 2, "duplicates": 0, "rejected": [], "warnings": []}
    assert [(row["action"], row["label"], row["params"]) for row in rows] == [
        ("banner.hover", "Hovered over Spring sale", {"name": "Spring sale", "dwell_ms": 1200, "sku": "S1"}),
        (
            "link.click",
            "Clicked Buy",
            {"name": "Buy", "via": "mouse", "href": "https://shop.example/buy?token=removed"},
        ),
    ]
    assert len({row["page"] for row in there.rows(None)}) == 1


def test_the_good_ones_of_a_batch_are_kept_and_each_bad_one_says_why(there):
    events = [
        event("banner.hover", name="A", dwell_ms=400),
        event("shop.opened"),
        event("banner.hover", dwell_ms=400),
        event("link.click", name="B", time=5, uuid="x"),
        "no event",
        event("banner.hover", name="C", dwell_ms="long"),
        event("transaction.charge"),
        event("form.submit", form="f", fields={}),
    ]
    said, rows = settled(there, *events)
    assert (said["accepted"], said["duplicates"]) == (3, 0)
    assert [(each["index"], each["code"], each["field"]) for each in said["rejected"]] == [
        (1, "undefined_action", "action"),
        (2, "missing_param", "name"),
        (4, "bad_type", ""),
        (5, "bad_type", "dwell_ms"),
        (6, "reserved_action", "action"),
    ]
    assert sorted((each["index"], each["code"], each["field"]) for each in said["warnings"]) == [
        (3, "reserved_param", "time"),
        (3, "reserved_param", "uuid"),
    ]
    assert [row["action"] for row in rows] == ["banner.hover", "link.click", "form.submit"]


CODES = [
    ("bad_action", "action", event("visit")),
    ("undefined_action", "action", event("shop.opened")),
    ("not_anonymous", "action", event("screen.view", name="x")),
    ("reserved_action", "action", event("session.start")),
    ("missing_param", "name", event("link.click")),
    ("bad_type", "dwell_ms", event("banner.hover", name="x", dwell_ms="long")),
    ("too_long", "name", event("link.click", name="x" * 101)),
    ("too_many_params", "params", event("link.click", name="x", **{f"p{n}": n for n in range(32)})),
    ("too_deep", "x", event("link.click", name="x", x=[[[1]]])),
    ("bad_id", "id", event("link.click", id="7", name="x")),
    ("bad_id", "view", {**event("link.click", name="x"), "view": "here"}),
    ("sensitive", "name", event("link.click", name=CARD)),
]
"""WIRE.md, "Beacon": every code that is about one event."""


@pytest.mark.parametrize(("code", "field", "sent"), CODES)
def test_every_code_is_told_of_one_event_and_the_rest_is_kept(there, code, field, sent):
    said, rows = settled(there, event("link.click", name="A"), sent, event("link.click", name="B"))
    assert [(one["index"], one["code"], one["field"]) for one in said["rejected"]] == [(1, code, field)]
    assert said["accepted"] == 2 and [row["params"]["name"] for row in rows] == ["A", "B"]
    (rejected,) = said["rejected"]
    assert set(rejected) == {"index", "code", "field", "message"} and CARD not in rejected["message"]


def test_a_batch_that_is_sent_twice_is_stored_once(there):
    page, _ = there.navigate()
    batch = [event("link.click", name=f"L{number}") for number in range(10)]
    first, second = there.does(page, *batch), there.does(page, *batch, event("link.click", name="new"))
    assert [(told(answer)["accepted"], told(answer)["duplicates"]) for answer in (first, second)] == [(10, 0), (1, 10)]
    assert len(there.rows("link.click")) == 11


def test_two_that_arrive_at_the_same_time_are_stored_once(there):
    page, _ = there.navigate()
    batch = [event("link.click", name=f"L{number}") for number in range(50)]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(there.does(page, *batch))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(told(answer)["accepted"] for answer in answers) == 50
    assert len(there.rows("link.click")) == 50


def test_a_visit_of_another_sites_address_is_refused(there):
    said, _ = settled(
        there, event("page.visit", uri="https://evil.example/"), event("page.visit", uri="http://shop.example/app")
    )
    assert [(each["code"], each["field"]) for each in said["rejected"]] == [("bad_type", "uri")]
    assert [row["params"]["uri"] for row in there.rows("page.visit")][1:] == ["http://shop.example/app"]


def test_refused_events_are_kept_for_the_report_without_their_values(there):
    settled(there, event("banner.hover", name="x" * 2_000, dwell_ms=1), event("shop.opened", secret=CARD))
    with contextlib.closing(sqlite3.connect(there.config.store_path)) as raw:
        kept = raw.execute("SELECT action, code, field FROM rejection ORDER BY id").fetchall()
    assert kept == [("banner.hover", "too_long", "name"), ("shop.opened", "undefined_action", "action")]


# Never captured ------------------------------------------------------------------------------------------------------


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_what_must_never_be_kept_is_nowhere_even_where_the_tracker_did_not_look(there):
    fields = {
        "email": "ada@example.org",
        "password": PASSWORD,
        "cardNumber": "12",
        "notes": f"my card is {CARD}, thanks",
        "passenger": "Ada",
        "experience": "ten years",
    }
    said, rows = settled(
        there,
        event("form.submit", form="checkout", fields=fields, skipped={"pin": "word", "odd": PASSWORD}),
        event("field.change", form="checkout", field="password", filled=True, value=PASSWORD),
        event("link.click", name="Buy", note=CARD),
        event("link.click", name=CARD),
    )
    assert [(each["index"], each["code"]) for each in said["rejected"]] == [(1, "sensitive"), (3, "sensitive")]
    assert [(each["index"], each["code"], each["field"]) for each in said["warnings"]] == [(2, "sensitive", "note")]
    assert rows[0]["params"]["fields"] == {"email": "ada@example.org", "passenger": "Ada", "experience": "ten years"}
    assert rows[0]["params"]["skipped"] == {
        "password": "word",
        "cardNumber": "word",
        "notes": "card",
        "pin": "word",
        "odd": "other",
    }
    kept = everything_on_disk(there.config.base)
    assert b"ada@example.org" in kept
    for secret in (PASSWORD, CARD, CARD.replace(" ", "")):
        assert secret.encode() not in kept and secret not in json.dumps(said)


# Pace ----------------------------------------------------------------------------------------------------------------


def test_x2_a_visitor_who_sends_more_than_a_person_can_do_is_told_when_to_come_again(tmp_path):
    limits = Limits(visitor_events_per_second=2, address_events_per_second=0)
    with shop(Config(base=tmp_path, limits=limits)) as there:
        page, _ = there.navigate()
        size = 2 * BURST_SECONDS
        assert there.does(page, *(event("link.click", name="L") for _ in range(size - 1))).status == 202
        late = [event("link.click", name="late") for _ in range(9)]
        refused = there.does(page, *late)
        assert (refused.status, told(refused)["error"]) == (429, "too_many")
        assert 1 <= int(refused.get(b"retry-after") or 0) <= 5
        other, _ = there.navigate()
        assert there.does(other, event("link.click", name="L")).status == 202
        assert len(there.rows("link.click")) == size
        assert eventually(lambda: there.does(page, *late).status == 202)


def test_x2_an_address_has_a_bucket_of_its_own(tmp_path):
    limits = Limits(visitor_events_per_second=0, address_events_per_second=1)
    with shop(Config(base=tmp_path, limits=limits)) as there:
        pages = [there.navigate()[0] for _ in range(12)]
        began = time.monotonic()
        statuses = [there.does(page).status for page in pages]
        took = time.monotonic() - began
        assert statuses[:BURST_SECONDS] == [202] * BURST_SECONDS and set(statuses) <= {202, 429}
        assert BURST_SECONDS <= statuses.count(202) <= BURST_SECONDS + took


def test_x2_who_is_refused_has_spent_nothing(tmp_path):
    """A visitor's batch that is too much for that visitor costs the others behind the same address no event."""
    limits = Limits(visitor_events_per_second=1, address_events_per_second=3)
    with shop(Config(base=tmp_path, limits=limits)) as there:
        (page, _), (other, _) = there.navigate(), there.navigate()
        clicks = [event("link.click", name="L") for _ in range(BURST_SECONDS - 1)]
        assert there.does(page, *clicks).status == 202
        again = [event("link.click", name="again") for _ in range(BURST_SECONDS - 1)]
        assert [there.does(page, *again).status for _ in range(2)] == [429] * 2
        assert there.does(other, *(event("link.click", name="L") for _ in range(BURST_SECONDS - 1))).status == 202


def test_made_up_pages_share_the_bucket_of_their_address(tmp_path):
    """Else everybody could fill the memory, and no limit would hold."""
    with shop(Config(base=tmp_path, limits=Limits(visitor_events_per_second=1, address_events_per_second=0))) as there:
        began = time.monotonic()
        statuses = [there.does(f"{number:043d}").status for number in range(BURST_SECONDS + 3)]
        took = time.monotonic() - began
        assert statuses[:BURST_SECONDS] == [202] * BURST_SECONDS and set(statuses) <= {202, 429}
        assert BURST_SECONDS <= statuses.count(202) <= BURST_SECONDS + took
        page, _ = there.navigate()
        assert there.does(page).status == 202


# Our own fault -------------------------------------------------------------------------------------------------------


def alter(there: Shop, script: str) -> None:
    """Whoever can write to the store's file can break it: a trigger fails like a bug of ours."""
    with contextlib.closing(sqlite3.connect(there.config.store_path)) as connection:
        connection.executescript(script)


BROKEN = """
    CREATE TRIGGER act BEFORE INSERT ON event WHEN new.amount = 4321 BEGIN SELECT RAISE(ABORT, 'broken'); END;
    CREATE TRIGGER title BEFORE INSERT ON word WHEN new.value = 'Broken' BEGIN SELECT RAISE(ABORT, 'broken'); END;
"""
MENDED = "DROP TRIGGER act; DROP TRIGGER title;"


def test_what_cannot_be_stored_through_our_own_fault_is_told_and_takes_only_itself_along(there):
    page, _ = there.navigate()
    alter(there, BROKEN)
    acts = [event("banner.hover", name="B", dwell_ms=ms) for ms in (400, 4321, 500)]
    confirm = {"id": next(NEW), "uri": "http://shop.example/", "title": "Shop"}
    message = {"v": 1, "page": page, "confirm": confirm, "events": acts}
    for stored, again in ((2, 0), (0, 2)):
        answer = there.post(message)
        said = told(answer)
        assert (answer.status, said["accepted"], said["duplicates"]) == (202, stored, again)
        assert [(one["index"], one["code"]) for one in said["rejected"]] == [(1, "not_stored")]
        assert "4321" not in answer.body.decode()
        assert [row["id"] for row in there.rows("banner.hover")] == [acts[0]["id"], acts[2]["id"]]
    assert there.does(page, event("link.click", name="L")).status == 202
    alter(there, MENDED)
    answer = there.post(message)
    assert answer.status == 202 and answer.get(b"set-cookie") is not None
    assert (told(answer)["accepted"], told(answer)["duplicates"], told(answer)["rejected"]) == (1, 2, [])
    assert sorted(row["id"] for row in there.rows("banner.hover")) == sorted(str(act["id"]) for act in acts)
    assert [row["lane"] for row in there.rows()] == ["person"]


def test_a_confirmation_that_cannot_be_stored_through_our_own_fault_is_told_and_takes_no_event_along(there):
    page, _ = there.navigate()
    alter(there, BROKEN)
    act = event("link.click", name="L")
    message = {"v": 1, "page": page, "confirm": {"id": next(NEW), "uri": "http://shop.example/", "title": "Broken"}}
    for more in ({"events": [act]}, {}):
        said = told(there.post({**message, **more}))
        assert [(one["index"], one["code"], one["field"]) for one in said["rejected"]] == [
            (None, "not_stored", "confirm")
        ]
    assert [row["id"] for row in there.rows("link.click")] == [act["id"]]
    alter(there, MENDED)
    answer = there.post({**message, "events": [act]})
    assert (answer.status, told(answer)["duplicates"]) == (202, 1)
    assert [(row["lane"], row["params"]["title"]) for row in there.rows()] == [("person", "Broken")]
    assert len({row["uuid"] for row in there.rows(None)}) == 1


# Consent -------------------------------------------------------------------------------------------------------------


def test_who_says_no_on_the_page_is_forgotten_and_the_session_ends(there):
    page, answer = there.navigate()
    there.cookie = (answer.get(b"set-cookie") or b"").partition(b";")[0]
    there.confirm(page)
    both = (b"cookie", there.cookie + b"; footfall_consent=out")
    there.cookie = b""
    answer = there.does(page, event("link.click", name="L"), fields=[SAME, TEXT, both], consent="out")
    assert [each["code"] for each in told(answer)["rejected"]] == ["opted_out"]
    cookies = [value for name, value in answer.fields if name == b"set-cookie"]
    assert any(value.startswith(b"footfall=;") and b"Max-Age=0" in value for value in cookies)
    assert any(value.startswith(b"footfall_consent=out; Path=/; Max-Age=34128000; SameSite=Lax") for value in cookies)
    assert eventually(lambda: [row["params"]["reason"] for row in there.rows("session.end")] == ["opt_out"])
    assert there.rows("link.click") == []


def test_one_no_among_two_consent_cookies_is_a_no(there):
    """Of the domain, by the site's tool, and of the host, by footfall.off()."""
    both = (b"cookie", b"footfall_consent=in; footfall_consent=out")
    assert b"data-page" not in there.request(b"GET", b"/", [*NAVIGATION, both]).body
    page, _ = there.navigate()
    answer = there.does(page, event("link.click", name="L"), fields=[SAME, TEXT, both])
    assert [each["code"] for each in told(answer)["rejected"]] == ["opted_out"]


def test_a_no_in_the_message_is_a_no_whatever_the_cookies_say(there):
    page, _ = there.navigate()
    answer = there.does(page, event("link.click", name="L"), consent="out")
    assert [each["code"] for each in told(answer)["rejected"]] == ["opted_out"]
    cookies = [value for name, value in answer.fields if name == b"set-cookie"]
    assert [value.partition(b";")[0] for value in cookies] == [b"footfall_consent=out"]
    assert there.rows("link.click") == []


def test_who_said_no_is_not_shown_a_tagged_copy(validated):
    awake = validated.request(b"GET", b"/", NAVIGATION)
    etag, cookie = awake.get(b"etag"), (awake.get(b"set-cookie") or b"").partition(b";")[0]
    assert etag == b'W/"v1~ff"'
    again = [*NAVIGATION, (b"if-none-match", etag)]
    assert validated.request(b"GET", b"/", [*again, (b"cookie", cookie)]).status == 304
    answer = validated.request(b"GET", b"/", [*again, (b"cookie", cookie + b"; footfall_consent=out")])
    assert (answer.status, b"data-page" in answer.body) == (200, False)


@pytest.fixture
def asking(tmp_path):
    config = Config(base=tmp_path, limits=CALM, consent=Consent(mode="opt-in"))
    with shop(config) as running:
        yield running


def nothing_stored(there: Shop) -> bool:
    """By the time that the outcome counters are written, there is no event."""
    counted = eventually(lambda: there.config.store_path.exists() and there.outcomes().get("opted_out", 0) > 0)
    return counted and there.rows(None) == []


def flags_of(page: str) -> int:
    return base64.urlsafe_b64decode(page + "=")[17]


def test_in_opt_in_mode_nobody_is_tracked_before_saying_yes_but_the_tag_is_there_asleep(asking):
    page, answer = asking.navigate()
    assert flags_of(page) & 4 and answer.get(b"set-cookie") is None
    for said in (asking.confirm(page), asking.does(page, event("link.click", name="L"))):
        assert {each["code"] for each in told(said)["rejected"]} == {"opted_out"}
        assert said.get(b"set-cookie") is None
    assert nothing_stored(asking)


def test_who_says_yes_on_the_page_is_counted_from_then_on(asking):
    page, _ = asking.navigate()
    answer = asking.confirm(page, [SAME, TEXT, YES], nav="navigate")
    cookies = [value for name, value in answer.fields if name == b"set-cookie"]
    assert [value.partition(b"=")[0] for value in cookies] == [b"footfall"]
    [row] = asking.rows()
    assert (row["params"]["nav"], row["lane"], row["params"]["title"]) == ("navigate", "person", "Shop")


def test_a_page_that_counts_once_somebody_says_yes_names_its_campaign(asking):
    page, _ = asking.navigate()
    asking.confirm(page, [SAME, TEXT, YES], uri="http://shop.example/?utm_source=news")
    for action in ("page.visit", "session.start"):
        assert [row["params"]["utm_source"] for row in asking.rows(action)] == ["news"]


def test_a_page_asked_for_with_consent_is_an_ordinary_one(asking):
    answer = asking.request(b"GET", b"/", [*NAVIGATION, YES])
    assert answer.get(
        b"set-cookie",
    ).startswith(b"footfall=")
    assert [row["lane"] for row in asking.rows()] == ["unproven"]


def test_in_opt_in_mode_a_signal_that_says_no_means_no_tag(asking):
    answer = asking.request(b"GET", b"/", [*NAVIGATION, (b"sec-gpc", b"1"), YES])
    assert b"data-page" not in answer.body
    assert nothing_stored(asking)


def test_a_sleeping_copy_is_not_shown_again_once_its_visitor_has_said_yes(tmp_path):
    with shop(Config(base=tmp_path, limits=CALM, consent=Consent(mode="opt-in")), site=validating) as asking:
        asleep = asking.request(b"GET", b"/", NAVIGATION)
        assert (asleep.status, asleep.get(b"etag"), b"data-page" in asleep.body) == (200, None, True)
        for known in (b'W/"v1~ff"', b'"v1"'):
            answer = asking.request(b"GET", b"/", [*NAVIGATION, (b"if-none-match", known)])
            assert (answer.status, b"data-page" in answer.body) == (200, True)
        awake = asking.request(b"GET", b"/", [*NAVIGATION, YES])
        assert (awake.status, awake.get(b"etag")) == (200, b'W/"v1~ff"')


# The tracker ---------------------------------------------------------------------------------------------------------


CAPTURE = Capture(hover="tagged", hover_min_ms=450, leave=False)


def forms_script(there: Shop) -> bytes:
    page = there.request(b"GET", b"/_footfall/t.js", []).body
    return b"/_footfall/" + page.rpartition(b'"forms":"./')[2].partition(b'"')[0]


@pytest.mark.parametrize("forms", [False, True])
def test_the_trackers_scripts_are_served_gzipped_to_who_takes_it(tmp_path, forms):
    with shop(Config(base=tmp_path, capture=CAPTURE)) as there:
        script = forms_script(there) if forms else b"/_footfall/t.js"
        plain = there.request(b"GET", script, [])
        coded = there.request(b"GET", script, [(b"accept-encoding", b"br, gzip;q=0.5")])
        never = there.request(b"GET", script, [(b"accept-encoding", b"gzip;q=0")])
    assert gzip.decompress(coded.body) == plain.body == never.body
    assert (coded.get(b"content-encoding"), plain.get(b"content-encoding")) == (b"gzip", None)
    assert b"Accept-Encoding" in (plain.get(b"vary") or b"")
    assert plain.get(b"content-type") == b"text/javascript; charset=utf-8"
    assert plain.get(b"x-content-type-options") == b"nosniff"


def test_the_page_script_has_the_configurations_settings_and_the_address_of_the_other(tmp_path):
    with shop(Config(base=tmp_path, capture=CAPTURE)) as there:
        body = there.request(b"GET", b"/_footfall/t.js", []).body.decode()
        settings = json.loads(body.rpartition("})(")[2].removesuffix(");"))
        address = settings.pop("forms")
        assert settings == {"click": "auto", "hover": "tagged", "hoverMin": 450, "leave": False}
        forms = there.request(b"GET", b"/_footfall/" + address.removeprefix("./").encode(), [])
        others = [there.request(b"GET", f"/_footfall/forms{one}.js".encode(), []).status for one in ("", ".00000000")]
        again = there.request(b"GET", forms_script(there), [(b"if-none-match", forms.get(b"etag") or b"")])
    assert forms.status == 200 and b"immutable" in (forms.get(b"cache-control") or b"")
    # Of another version it would be other letters for the same names: who asks for one gets none.
    assert (others, again.status) == ([404, 404], 304)


# Hostile -------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ACTIONS = st.sampled_from(
    ["banner.hover", "link.click", "form.submit", "form.start", "field.change", "page.leave", "page.visit", "a.b"]
)
NAMES = st.sampled_from(
    ["name", "dwell_ms", "form", "fields", "skipped", "field", "filled", "uri", "engaged_ms", "sku"]
)
HOSTILE_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.uuids().map(str) | JSON,
        "action": ACTIONS | JSON,
        "ago": JSON,
        "view": st.uuids().map(str) | JSON,
        "params": st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=8) | JSON,
    },
)
BEACONS = st.fixed_dictionaries(
    {"v": st.just(1)},
    optional={
        "page": JSON,
        "confirm": st.dictionaries(st.sampled_from(["id", "uri", "title", "referrer", "nav"]), JSON) | JSON,
        "events": st.lists(HOSTILE_EVENTS | JSON, max_size=6) | JSON,
        "token": JSON,
        "consent": JSON,
    },
)


def text_of(document: object) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


def spoilt(body: bytes, seed: int) -> bytes:
    """The body with a few bytes changed, as often as not."""
    chance = random.Random(seed)
    raw = bytearray(body)
    for _ in range(chance.choice((0, 0, 1, 5)) if raw else 0):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


@settings(max_examples=HOSTILE_BODIES // 20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BEACONS | JSON, min_size=20, max_size=20), st.integers(0, 2**32))
def test_thousands_of_hostile_bodies_are_never_an_error_of_ours(hostile, documents, seed):
    """Twenty at a time, down one connection each: 202 or a 4xx with its reason, and the next page is served."""
    page, _ = hostile.navigate()
    for index, document in enumerate(documents):
        if isinstance(document, dict):
            document.setdefault("page", page)
        answer = hostile.post(spoilt(text_of(document), seed + index))
        assert answer.status in (202, 400), (answer.status, answer.body)
        assert set(told(answer)) in ({"accepted", "duplicates", "rejected", "warnings"}, {"error", "message"})
    before = len(hostile.rows("link.click"))
    assert told(hostile.does(page, event("link.click", name="still here")))["accepted"] == 1
    assert len(hostile.rows("link.click")) == before + 1


# What a page says of itself ------------------------------------------------------------------------------------------


def test_what_a_page_says_of_itself_comes_with_its_visit_clean(there):
    page, _ = there.navigate()
    view = "00000000-0000-4000-9000-00000000abcd"
    said = {"og:type": "product", "og:url": "http://shop.example/p?token=abc", "og:title": "4111111111111111", "x": "y"}
    answer = there.does(page, meta={"view": view, "params": said})
    assert told(answer) == {"accepted": 0, "duplicates": 0, "rejected": [], "warnings": []}
    (row,) = there.rows()
    kept = {key: value for key, value in row["params"].items() if key.startswith(("og:", "x"))}
    assert kept == {"og:type": "product", "og:url": "http://shop.example/p?token=removed"}
    whole = b"".join(file.read_bytes() for file in there.config.store_path.parent.glob("footfall.db*"))
    assert b"4111111111111111" not in whole and b"token=abc" not in whole


@pytest.mark.parametrize("meta", ["x", [], {"view": 1}, {"view": "x", "params": [1]}, {"params": {"og:a": {"b": 1}}}])
def test_what_makes_no_sense_as_that_takes_nothing_along(there, meta):
    page, _ = there.navigate()
    answer = there.does(page, event("link.click", name="Home"), meta=meta)
    assert told(answer)["accepted"] == 1
    assert not [key for key in there.rows()[0]["params"] if key.startswith("og:")]
