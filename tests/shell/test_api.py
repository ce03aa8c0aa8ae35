"""The API for apps and servers: who may, what is taken, and what is told (EVENTS.md section 8; WIRE.md, "API")."""

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from shops import TEXT, Shop, event, shop, told
from wire import eventually

from proxy.apikeys import inspect, make_key
from proxy.config import Config
from proxy.definitions import read_definitions
from proxy.events.shipped import SHIPPED
from proxy.events.transactions import read_transaction
from proxy.intake.api import BODY_MAX_BYTES, HELD_EVENTS
from proxy.intake.buckets import BURST_SECONDS
from proxy.intake.told import EVENTS_MAX
from proxy.store.questions import Span
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Api, Identity, Limits
from proxy.visitors.ids import text_of
from proxy.visitors.lanes import PERSON
from proxy.visitors.times import DAY_MS, HOUR_MS, MINUTE_MS

API = b"/_footfall/api/v1/"
SECRET = "a secret of thirty-two bytes, at least"
JSON = (b"content-type", b"application/json")
ANN, BOB = "ann@shop.example", "bob@shop.example"
COUNT = {
    "anonymous": False,
    "params": {
        "count": {"type": "number", "required": True},
        "door": {"type": "string", "required": True},
        "isOpen": {"type": "boolean"},
        "staff": {"type": "list"},
        "sensor": {"type": "object"},
        "measuredAt": {"type": "datetime"},
        "temperature": {"type": "number"},
        "floor": {"type": "number"},
        "note": {"type": "string"},
    },
}
"""The documentation's example: ten params, of which `time` is nobody's to send."""
SENT = {
    "count": "17",
    "door": "north",
    "isOpen": "true",
    "staff": ["Ann", "Bob"],
    "sensor": {"kind": "beam"},
    "measuredAt": "2026-11-27T10:00:00Z",
    "temperature": 21.5,
    "floor": 2,
    "note": "busy",
    "time": 1_700_000_000_000,
}


class Caller:
    """Somebody who calls the API of a shop."""

    def __init__(self, there: Shop, bearer: str) -> None:
        self.there = there
        self.fields = [(b"authorization", f"Bearer {bearer}".encode())] if bearer else []

    def post(self, name: str, document: object, *fields: tuple[bytes, bytes]) -> Any:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.there.request(b"POST", API + name.encode(), [*(fields or (JSON,)), *self.fields], body)

    def sends(self, *events: object, **more: object) -> dict[str, Any]:
        answer = self.post("events", {"events": list(events), **more})
        assert answer.status == 202, answer.body
        return told(answer)

    def visitor(self, method: bytes, uuid: str, query: bytes = b"") -> Any:
        return self.there.request(method, API + b"visitors/" + uuid.encode() + query, self.fields)


class There(Shop):
    """A shop whose API takes tokens of three kinds and a server's key."""

    def app(self, uuid: str | None = None, sub: str | None = None, **claims: object) -> Caller:
        return Caller(self, token(uuid, sub, **claims))


KEY, LINE = make_key("shop")
CALM = Limits(visitor_events_per_second=0, address_events_per_second=0, server_events_per_second=0)


@contextlib.contextmanager
def serving(folder: Path, **more: Any) -> Iterator[There]:
    (folder / "app.key").write_text(SECRET)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "app.pem").write_bytes(pem)
    (folder / "private.pem").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    config = Config(
        base=folder,
        **{
            "api": Api(jwt_keys=("HS256:app.key", "ES256:app.pem"), server_keys=(LINE,)),
            "events": read_definitions({"entries.count": COUNT}),
            "limits": CALM,
            **more,
        },
    )
    with shop(config) as running:
        yield There(running.served, running.config)


@pytest.fixture
def there(tmp_path):
    with serving(tmp_path) as running:
        yield running


def token(uuid: str | None = None, sub: str | None = None, **claims: Any) -> str:
    secret, kind = claims.pop("secret", SECRET), claims.pop("kind", "HS256")
    whole = {"aud": "footfall", "exp": int(time.time()) + 600, "uuid": uuid, "sub": sub, **claims}
    return jwt.encode({key: value for key, value in whole.items() if value is not None}, secret, kind)


def sent(action: str, at: object = None, **params: object) -> dict[str, Any]:
    one: dict[str, Any] = {"id": str(uuid4()), "action": action, "params": params}
    return one if at is None else {**one, "time": at}


def now() -> int:
    return time.time_ns() // 1_000_000


# Who may ------------------------------------------------------------------------------------------------------------


def test_nobody_is_anonymous(there):
    for caller in (Caller(there, ""), Caller(there, "ffk_" + "x" * 43), Caller(there, "x.y.z"), Caller(there, "{}")):
        for answer in (
            caller.post("events", {"events": []}),
            caller.post("transactions", {}),
            caller.visitor(b"GET", str(uuid4())),
            caller.visitor(b"DELETE", str(uuid4())),
        ):
            assert (answer.status, told(answer)["error"]) == (401, "unauthorized")
            assert answer.get(b"www-authenticate") == b'Bearer realm="footfall"'
    assert there.rows(None) == []


REFUSED = [
    ({"exp": 1_700_000_000}, "has expired"),
    ({"exp": None}, "has no exp"),
    ({"aud": None}, "has no aud"),
    ({"aud": "somebody-else"}, "for somebody else"),
    ({"nbf": 4_000_000_000}, "not valid yet"),
    ({"secret": "another secret of thirty-two bytes!!"}, "signature is not one of ours"),
    ({"kind": "HS384", "secret": "another secret, as long as HS384 wants it to be: 48"}, "algorithm is none"),
    ({"kind": "none", "secret": None}, "algorithm is none"),
    ({"uuid": "me"}, "uuid is no UUID"),
    ({"uuid": None, "sub": " "}, "names nobody"),
    ({"uuid": None, "sub": "x" * 300}, "sub is no text"),
]


@pytest.mark.parametrize(("claims", "why"), REFUSED)
def test_a_token_that_is_expired_forged_or_for_somebody_else_gets_a_clear_401(there, claims, why):
    caller = Caller(there, token(**{"uuid": str(uuid4()), **claims}))
    answer = caller.post("events", {"events": [sent("screen.view", name="Cart")]})
    assert answer.status == 401 and why in told(answer)["message"]
    assert there.rows(None) == []


def test_a_public_key_is_no_secret_to_sign_with(there):
    pem = (there.config.base / "app.pem").read_bytes()
    with pytest.raises(jwt.InvalidKeyError):
        token(str(uuid4()), secret=pem)
    good = token(str(uuid4()), secret=(there.config.base / "private.pem").read_bytes(), kind="ES256")
    assert Caller(there, good).sends(sent("screen.view", name="Cart"))["accepted"] == 1


@pytest.mark.parametrize("name", ["transactions", "visitors"])
def test_what_is_a_servers_is_not_an_apps(there, name):
    app = there.app(str(uuid4()))
    answer = app.post("transactions", {}) if name == "transactions" else app.visitor(b"DELETE", str(uuid4()))
    assert (answer.status, told(answer)["error"]) == (403, "forbidden")


def test_no_cookie_and_no_signature_of_a_page_is_looked_at(there):
    page, answer = there.navigate()
    there.cookie = answer.get(b"set-cookie").partition(b";")[0]
    assert Caller(there, "").post("events", {"page": page, "events": [sent("screen.view", name="x")]}).status == 401


# A mobile app, as the documentation describes it --------------------------------------------------------------------


def test_a_mobile_app_tells_its_screens_its_login_and_its_events_some_of_them_two_days_late(there):
    uuid, start = str(uuid4()), now()
    late = start - 2 * DAY_MS
    app = there.app(uuid)
    assert app.sends(sent("client.applicationStarted"), sent("screen.view", name="Home"))["accepted"] == 2
    assert app.sends(sent("client.login"), sent("screen.view", start - 1000, name="Cart"))["accepted"] == 2
    told_late = app.sends(
        sent("screen.view", late, name="Offers"),
        sent("screen.click", late + MINUTE_MS, name="Buy"),
        sent("entries.count", late + 2 * MINUTE_MS, count=3, door="app"),
        sent("entries.count", late + 2 * HOUR_MS, count=4, door="app"),
    )
    assert told_late == {"accepted": 4, "duplicates": 0, "rejected": [], "warnings": []}
    rows = sorted(there.rows(None), key=lambda row: (row["time"], row["seq"]))
    assert {row["uuid"] for row in rows} == {uuid} and {row["lane"] for row in rows} == {"person"}
    starts = [row for row in rows if row["action"] == "session.start"]
    assert [row["time"] for row in starts] == [late, pytest.approx(start, abs=5_000)]
    assert {row["params"]["source"] for row in starts} == {"MOBILE_APP"}
    first = [row["action"] for row in rows if row.get("session") == starts[0]["session"]]
    assert first == ["session.start", "screen.view", "screen.click", "entries.count"]
    second = [row["action"] for row in rows if row.get("session") == starts[1]["session"]]
    assert sorted(second) == [
        "client.applicationStarted",
        "client.login",
        "screen.view",
        "screen.view",
        "session.start",
    ]
    (loose,) = [row for row in rows if "session" not in row]
    assert loose["params"]["count"] == 4, "it opens no session"
    labels = {row["label"] for row in rows}
    assert {"Viewed screen Offers", "Logged in", "Started the app", "Clicked Buy"} <= labels


def test_an_app_shows_no_page_and_confirms_none(there):
    """`page`, `confirm`, `view` and `ago` are a browser's to say; from an app they are nothing."""
    page, answer = there.navigate()
    assert eventually(there.rows)
    uuid = there.rows()[0]["uuid"]
    shown = {"id": str(uuid4()), "uri": "http://shop.example/", "title": "Shop", "referrer": "", "nav": "navigate"}
    one = {**sent("screen.view", name="Cart"), "view": there.rows()[0]["id"], "ago": 60_000, "page": page}
    moment = now()
    assert there.app(str(uuid4())).sends(one, page=page, confirm=shown)["accepted"] == 1
    (visit,), (screen,) = there.rows(), there.rows("screen.view")
    assert (visit["uuid"], visit["lane"], "title" in visit["params"]) == (uuid, "unproven", False)
    assert "page" not in screen and screen["time"] == pytest.approx(moment, abs=5_000)
    assert answer.get(b"set-cookie") is not None and screen["uuid"] != uuid


def test_the_visitors_of_apps_are_among_those_that_the_report_counts_and_lists(there):
    uuid, span = str(uuid4()), Span(now() - HOUR_MS, now() + HOUR_MS, PERSON)
    there.app(uuid).sends(sent("screen.view", name="Home"), sent("screen.view", name="Cart"))
    there.app(uuid).sends(sent("screen.view", now() - HOUR_MS // 2 - 60_000, name="Offers"))
    there.app(sub=ANN).sends(sent("client.login"))
    there.app(sub=BOB).sends(sent("entries.count", count=1, door="app"))  # which opens no session
    browser(there)
    with contextlib.closing(SqliteQuestions(there.config.store_path)) as asked:
        totals = asked.lanes(span.since, span.until)[PERSON]
        assert (totals.visitors, totals.sessions, totals.views, totals.bounces) == (3, 4, 1, 1)
        found = asked.visitors(span, None, 10)
        assert found.total == 3 and asked.people(now() - HOUR_MS) == 4
        listed = {row.uuid: (row.views, row.sessions, row.uri, row.start.params["source"]) for row in found.rows}
        assert listed[uuid] == (0, 2, None, "MOBILE_APP")
        assert sorted(listed.values(), key=str)[:2] == [(0, 1, None, "MOBILE_APP"), (0, 2, None, "MOBILE_APP")]
        edges = [(span.since, span.until)]
        assert [(bar.views, bar.visitors) for bar in asked.slots(edges, PERSON)] == [(1, 3)]


TIMES = [
    (None, None),
    (lambda ms: ms - 5_000, -5_000),
    (lambda ms: float(ms - 5_000), -5_000),
    (lambda ms: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000 - 60)), -60_000),
    (lambda ms: time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(ms // 1000 - 60)), -60_000),
    (lambda ms: ms + HOUR_MS, 0),
]


@pytest.mark.parametrize(("at", "offset"), TIMES)
def test_a_time_is_absolute_and_one_to_come_is_now(there, at, offset):
    moment = now()
    there.app(str(uuid4())).sends(sent("screen.view", None if at is None else at(moment), name="Cart"))
    row = there.rows("screen.view")[0]
    assert row["time"] == pytest.approx(moment + (offset or 0), abs=2_000)
    kept = row["params"].get("original_ago")
    assert kept is None if offset != 0 else kept == pytest.approx(-HOUR_MS, abs=2_000)


@pytest.mark.parametrize("at", ["yesterday", "2026-11-27T10:00:00", -1, True, [], {}, "x" * 100, 1e300, 1_000])
def test_a_time_that_is_none_or_over_seven_days_ago_refuses_the_event(there, at):
    answer = there.app(str(uuid4())).sends(sent("screen.view", at, name="Cart"), sent("screen.view", name="Home"))
    assert answer["accepted"] == 1
    assert [(one["index"], one["code"], one["field"]) for one in answer["rejected"]] == [(0, "bad_type", "time")]


# What is taken -------------------------------------------------------------------------------------------------------


def test_the_documentations_example_is_taken_once_it_is_defined_and_its_time_dropped(tmp_path):
    with serving(tmp_path, events=()) as before:
        answer = Caller(before, KEY).sends(sent("entries.count", **SENT), client={"customer": ANN})
        assert [(one["code"], one["field"]) for one in answer["rejected"]] == [("undefined_action", "action")]
    with serving(tmp_path) as after:
        answer = Caller(after, KEY).sends(sent("entries.count", **SENT), client={"customer": ANN})
        assert answer["accepted"] == 1 and answer["rejected"] == []
        assert answer["warnings"] == [{"index": 0, "code": "reserved_param", "field": "time"}]
        (row,) = after.rows("entries.count")
        assert row["params"] == {
            **{key: value for key, value in SENT.items() if key != "time"},
            "count": 17,
            "isOpen": True,
        }


def test_bad_events_are_listed_and_the_good_ones_kept(there):
    answer = there.app(str(uuid4())).sends(
        sent("screen.view", name="Cart"),
        sent("screen.view"),
        sent("transaction.charge", orderId="1"),
        sent("page.visit", uri="https://shop.example/"),
        sent("session.start", uri="https://shop.example/"),
        {"id": "x", "action": "screen.view", "params": {"name": "x"}},
        7,
        {**sent("screen.view", name="Cart"), "source": "a source"},
        sent("entries.count", count="many", door="x"),
        {**sent("client.logout"), "client": {"customer": BOB}},
    )
    assert answer["accepted"] == 2
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [
        (1, "missing_param"),
        (2, "reserved_action"),
        (3, "reserved_action"),
        (4, "reserved_action"),
        (5, "bad_id"),
        (6, "bad_type"),
        (7, "bad_type"),
        (8, "bad_type"),
    ]
    assert "api/v1/transactions" in answer["rejected"][1]["message"]
    assert answer["warnings"] == [{"index": 9, "code": "reserved_param", "field": "client"}]


def test_what_is_sent_twice_is_kept_once(there):
    server, events = Caller(there, KEY), [sent("screen.view", name=f"S{n}") for n in range(20)]
    clients = [{"client": {"customer": f"c{number % 5}"}} for number in range(20)]
    whole = [{**one, **client} for one, client in zip(events, clients, strict=True)]
    assert server.sends(*whole)["accepted"] == 20
    again = server.sends(*whole, {**sent("screen.view", name="new"), "client": {"customer": "c1"}})
    assert (again["accepted"], again["duplicates"]) == (1, 20)
    assert len({row["uuid"] for row in there.rows("screen.view")}) == 5


def test_what_was_refused_and_comes_again_right_is_taken(there):
    uuid = str(uuid4())
    app, one = there.app(uuid), sent("screen.view")
    for _ in range(2):
        assert [each["code"] for each in app.sends(one)["rejected"]] == ["missing_param"]
    said = app.sends({**one, "params": {"name": "Cart"}})
    assert (said["accepted"], said["duplicates"], said["rejected"]) == (1, 0, [])
    assert app.sends({**one, "params": {"name": "Cart"}})["duplicates"] == 1
    assert [row["id"] for row in there.rows("screen.view")] == [one["id"]]


def test_an_event_that_is_nested_too_deep_takes_only_itself_along(there):
    deep: object = "x"
    for _ in range(100):
        deep = {"x": [deep]}
    app = there.app(str(uuid4()))
    said = app.sends(sent("screen.view", name="a"), sent("screen.view", name="b", x=deep), deep)
    assert said["accepted"] == 1
    assert [(one["index"], one["code"], one["field"]) for one in said["rejected"]] == [
        (1, "too_deep", "x"),
        (2, "bad_action", "action"),
    ]


CODES = [
    ("bad_action", "action", {"action": "visit"}),
    ("undefined_action", "action", {"action": "shop.opened"}),
    ("reserved_action", "action", {"action": "page.visit"}),
    ("reserved_action", "action", {"action": "session.start"}),
    ("reserved_action", "action", {"action": "transaction.charge"}),
    ("missing_param", "name", {"params": {}}),
    ("bad_type", "count", {"action": "entries.count", "params": {"count": "many", "door": "a"}}),
    ("bad_type", "time", {"time": "yesterday"}),
    ("bad_type", "source", {"source": "a source"}),
    ("bad_type", "params", {"params": []}),
    ("too_long", "name", {"params": {"name": "x" * 101}}),
    ("too_many_params", "params", {"params": {f"p{n}": n for n in range(33)}}),
    ("too_deep", "x", {"params": {"name": "x", "x": [[[1]]]}}),
    ("bad_id", "id", {"id": 7}),
    ("bad_id", "id", {"id": "c3f0b3a0-0b1e-5d6e-9a5d-6a5e0f6f7a11"}),
    ("sensitive", "name", {"params": {"name": "4111 1111 1111 1111"}}),
]


@pytest.mark.parametrize(("code", "field", "change"), CODES)
def test_every_code_is_told_of_one_event_and_the_rest_is_kept(there, code, field, change):
    good, other = sent("screen.view", name="A"), sent("screen.view", name="B")
    said = there.app(str(uuid4())).sends(good, {**sent("screen.view", name="x"), **change}, other)
    assert [(one["index"], one["code"], one["field"]) for one in said["rejected"]] == [(1, code, field)]
    assert said["accepted"] == 2 and "4111" not in str(said)
    assert [row["id"] for row in there.rows("screen.view")] == [good["id"], other["id"]]


def test_a_request_of_a_mebibyte_is_taken_whole(there):
    body = json.dumps({"events": [sent("screen.view", name="A")]}).encode()
    answer = there.app(str(uuid4())).post("events", body.ljust(BODY_MAX_BYTES))
    assert (answer.status, told(answer)["accepted"]) == (202, 1)


def test_what_an_app_tells_is_a_persons_and_so_is_its_visitor_from_then_on(there):
    there.navigate()
    assert eventually(there.rows)
    (visit,) = there.rows()
    assert visit["lane"] == "unproven"
    there.app(visit["uuid"]).sends(sent("screen.view", name="A"))
    assert {row["lane"] for row in there.rows(None)} == {"person"}


def test_null_names_nobody_and_is_no_fault(there):
    said = Caller(there, KEY).sends(
        {**sent("screen.view", name="a"), "client": {"uuid": str(uuid4()), "customer": None}},
        {**sent("screen.view", name="b"), "client": {"uuid": None, "customer": ANN}},
        {**sent("screen.view", name="c"), "client": {"uuid": None, "customer": None}},
    )
    assert said["accepted"] == 2
    assert [(one["index"], one["code"]) for one in said["rejected"]] == [(2, "no_visitor")]


def test_a_server_may_name_anybody_and_has_to_name_somebody(there):
    uuid = str(uuid4())
    answer = Caller(there, KEY).sends(
        {**sent("screen.view", name="a"), "client": {"uuid": uuid}},
        sent("screen.view", name="b"),
        {**sent("screen.view", name="c"), "client": {}},
        {**sent("screen.view", name="d"), "client": {"uuid": "me"}},
        {**sent("screen.view", name="e"), "client": {"customer": 7}},
        {**sent("screen.view", name="f"), "client": {"uuid": uuid, "customer": ANN}, "source": "POS"},
    )
    assert answer["accepted"] == 2
    assert [(one["index"], one["code"], one["field"]) for one in answer["rejected"]] == [
        (1, "no_visitor", "client"),
        (2, "no_visitor", "client"),
        (3, "bad_id", "client.uuid"),
        (4, "bad_type", "client.customer"),
    ]
    assert {row["uuid"] for row in there.rows("screen.view")} == {uuid}


LIMITS = [
    (b"{", (JSON,), 400, "bad_json"),
    (b"[]", (JSON,), 400, "bad_beacon"),
    (b"{}", (JSON,), 400, "bad_events"),
    (b'{"events": {}}', (JSON,), 400, "bad_events"),
    (b'{"events": [], "x":' + b"[" * 9 + b"]" * 9 + b"}", (JSON,), 400, "too_deep"),
    (b'{"events":' + b"[" * 20_000 + b"]" * 20_000 + b"}", (JSON,), 400, "bad_json"),
    (json.dumps({"events": [{}] * (EVENTS_MAX + 1)}).encode(), (JSON,), 400, "too_many_events"),
    (b" " * (BODY_MAX_BYTES + 1), (JSON,), 413, "too_large"),
    (b"{}", (TEXT,), 415, "media_type"),
    (b"{}", (JSON, (b"content-encoding", b"gzip")), 415, "coded"),
]


@pytest.mark.parametrize(("body", "fields", "status", "code"), LIMITS)
def test_a_request_that_cannot_be_taken_says_why(there, body, fields, status, code):
    answer = there.app(str(uuid4())).post("events", body, *fields)
    assert (answer.status, told(answer)["error"]) == (status, code)


def test_a_thousand_events_of_a_thousand_customers_are_taken_at_once(there):
    events = [{**sent("screen.view", name="x"), "client": {"customer": f"c{n}"}} for n in range(EVENTS_MAX)]
    assert Caller(there, KEY).sends(*events)["accepted"] == EVENTS_MAX
    assert len({row["uuid"] for row in there.rows("screen.view")}) == EVENTS_MAX


# Transactions --------------------------------------------------------------------------------------------------------

ORDER = {
    "orderId": "A-1001",
    "client": {"customer": ANN},
    "products": [
        {"sku": "S1", "name": "Bowl", "quantity": 2, "finalUnitPrice": {"amount": 12.5, "currency": "EUR"}},
        {"sku": "S2", "finalUnitPrice": 3},
    ],
    "value": {"amount": 28, "currency": "EUR"},
    "revenue": 28.0,
    "time": 5,
}


def test_a_transaction_is_one_charge_and_one_buy_for_each_item_once_for_an_order(there):
    server = Caller(there, KEY)
    first = server.post("transactions", ORDER)
    assert first.status == 202
    assert told(first) == {
        "accepted": 3,
        "duplicates": 0,
        "warnings": [{"code": "reserved_param", "field": "time"}],
    }
    again = told(server.post("transactions", ORDER))
    assert (again["accepted"], again["duplicates"]) == (0, 3)
    (charge,) = there.rows("transaction.charge")
    assert charge["params"] == {"orderId": "A-1001", "value": 28, "currency": "EUR", "revenue": 28.0, "products": 2}
    assert charge["label"] == "Ordered A-1001" and "session" not in charge
    bought = there.rows("product.buy")
    assert [row["params"] for row in bought] == [
        {"quantity": 2, "sku": "S1", "name": "Bowl", "finalUnitPrice": 12.5, "currency": "EUR", "orderId": "A-1001"},
        {"quantity": 1, "sku": "S2", "finalUnitPrice": 3, "orderId": "A-1001"},
    ]
    assert told(server.post("transactions", {**ORDER, "orderId": "A-1002"}))["accepted"] == 3


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"orderId": None}, "missing_param", "orderId"),
        ({"orderId": 7}, "bad_type", "orderId"),
        ({"orderId": " \n"}, "missing_param", "orderId"),
        ({"orderId": "4111 1111 1111 1111"}, "sensitive", "orderId"),
        ({"products": [{"sku": "a", "box": [[[[]]]]}]}, "too_deep", "products[0].box"),
        ({"orderId": "x" * 101}, "too_long", "orderId"),
        ({"products": []}, "missing_param", "products"),
        ({"products": [{}]}, "missing_param", "products[0].sku"),
        ({"products": [{"sku": "a"}, 7]}, "bad_type", "products[1]"),
        ({"products": [{"sku": "a", "quantity": "two"}]}, "bad_type", "products[0].quantity"),
        ({"products": [{"sku": "a"}] * 501}, "too_long", "products"),
        ({"client": None}, "no_visitor", "client"),
        ({"recordedAt": "soon"}, "bad_type", "recordedAt"),
        ({"recordedAt": 1_000}, "bad_type", "recordedAt"),
        ({"value": {"amount": "a lot"}}, "bad_type", "value"),
    ],
)
def test_a_transaction_is_taken_whole_or_refused_with_the_field_at_fault(there, change, code, field):
    answer = Caller(there, KEY).post("transactions", {**ORDER, **change})
    said = told(answer)
    assert (answer.status, said["error"], said["field"]) == (422, code, field) and said["message"]
    assert there.rows(None) == []


@pytest.mark.parametrize("order", [" A-1001", "A-1001\n", "A-1001\u200b"])
def test_an_order_is_the_same_however_its_number_is_padded(there, order):
    server = Caller(there, KEY)
    first, again = (told(server.post("transactions", {**ORDER, "orderId": one})) for one in ("A-1001", order))
    assert (first["accepted"], again["accepted"], again["duplicates"]) == (3, 0, 3)
    assert [row["params"]["orderId"] for row in there.rows("transaction.charge")] == ["A-1001"]


def test_an_order_whose_number_is_no_text_of_unicode_is_taken_all_the_same(there):
    server = Caller(there, KEY)
    for accepted in (3, 0):
        assert told(server.post("transactions", {**ORDER, "orderId": "A-\ud800"}))["accepted"] == accepted
    assert [row["params"]["orderId"] for row in there.rows("transaction.charge")] == ["A-?"]


def test_what_is_null_in_a_transaction_is_absent(there):
    order = {
        **ORDER,
        "client": {"uuid": None, "customer": ANN},
        "products": [{"sku": "S1", "quantity": None, "finalUnitPrice": None}],
        "value": {"amount": 28, "currency": None},
        "revenue": {"amount": 20, "currency": "EUR"},
    }
    assert told(Caller(there, KEY).post("transactions", order))["accepted"] == 2
    (charge,), (bought,) = there.rows("transaction.charge"), there.rows("product.buy")
    assert charge["params"] == {"orderId": "A-1001", "value": 28, "revenue": 20, "currency": "EUR", "products": 1}
    assert bought["params"] == {"orderId": "A-1001", "sku": "S1", "quantity": 1}


def test_no_visitor_can_take_an_orders_place(there):
    """The ids of an order's events follow from its number, which its customer knows."""
    server = Caller(there, KEY)
    ids = [text_of(one.id) for one in read_transaction(ORDER, SHIPPED, now()).events]
    page, answer = there.navigate()
    there.cookie = answer.get(b"set-cookie").partition(b";")[0]
    taken = [
        {"id": known, "action": action, "params": {"name": "x"}} for known in ids for action in ("x", "link.click")
    ]
    said = told(there.does(page, *taken))
    assert {one["code"] for one in said["rejected"]} == {"bad_id", "bad_action"} and said["accepted"] == 0
    assert [there.confirm(page, id=known).status for known in ids] == [400] * 3
    there.cookie = b""
    assert told(server.post("transactions", ORDER))["accepted"] == 3
    assert [row["id"] for row in there.rows("transaction.charge")] == ids[:1]


def test_a_transaction_joins_the_session_that_goes_on(there):
    uuid = str(uuid4())
    there.app(uuid, ANN).sends(sent("screen.view", name="Cart"))
    Caller(there, KEY).post("transactions", ORDER)
    rows = there.rows(None)
    assert len({row["session"] for row in rows}) == 1 and {row["uuid"] for row in rows} == {uuid}


# What is held, and its erasure ---------------------------------------------------------------------------------------


def test_all_that_is_held_of_a_visitor_is_told_and_erased_with_a_receipt(there):
    uuid, other = str(uuid4()), str(uuid4())
    server = Caller(there, KEY)
    there.app(uuid).sends(*(sent("screen.view", name=f"S{n}") for n in range(EVENTS_MAX)))
    there.app(uuid).sends(*(sent("screen.view", name=f"T{n}") for n in range(200)))
    there.app(other).sends(sent("screen.view", name="Other"))
    first = json.loads(server.visitor(b"GET", uuid).body)
    assert len(first["events"]) == HELD_EVENTS and first["next"] == first["events"][-1]["seq"]
    second = json.loads(server.visitor(b"GET", uuid, b"?after=%d" % first["next"]).body)
    assert second["next"] is None
    held = [*first["events"], *second["events"]]
    assert held == [row for row in there.rows(None) if row["uuid"] == uuid] and len(held) == 1_201
    answer = server.visitor(b"DELETE", uuid)
    receipt = told(answer)
    assert answer.status == 200 and receipt["was_known"] and receipt["uuids"] == [uuid]
    assert receipt["events"] == {"screen.view": 1_200, "session.start": 1} and receipt["sessions"] == 1
    assert receipt["log_emptied"]
    assert {row["uuid"] for row in there.rows(None)} == {other}
    assert server.visitor(b"GET", uuid).status == 404
    again = there.app(uuid).sends(sent("screen.view", name="again"))
    assert again["accepted"] == 0 and [one["code"] for one in again["rejected"]] == ["no_visitor"]
    assert told(server.visitor(b"DELETE", uuid))["was_erased"]


@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
def test_nobody_is_found_who_is_not_there(there, method):
    server = Caller(there, KEY)
    there.app(str(uuid4())).sends(sent("screen.view", name="somebody else's"))
    assert server.visitor(method, str(uuid4())).status == 404
    assert server.visitor(method, "me").status == 404
    assert server.visitor(b"GET", str(uuid4()), b"?after=x").status == 400


def test_another_method_or_path_is_nothing_here(there):
    server = Caller(there, KEY)
    assert there.request(b"GET", API + b"events", server.fields).status == 405
    assert there.request(b"PUT", API + b"visitors/x", server.fields).status == 405
    assert there.request(b"GET", API + b"nothing", server.fields).status == 404


# Browsers that are somebody ------------------------------------------------------------------------------------------


def browser(there: There) -> str:
    """A browser that is on a page; its page id."""
    page, answer = there.navigate()
    there.cookie = answer.get(b"set-cookie").partition(b";")[0]
    assert there.confirm(page).status == 202
    return page


def test_a_token_lets_a_browser_send_what_is_not_anonymous_and_says_who_it_is(there):
    page = browser(there)
    count = event("entries.count", 0, count=1, door="web")
    before = told(there.does(page, count))
    assert [one["code"] for one in before["rejected"]] == ["not_anonymous"]
    bad = told(there.does(page, event("banner.click", 0, name="x"), token="x.y.z"))
    assert bad["accepted"] == 1 and bad["warnings"] == [{"index": None, "code": "bad_token", "field": "token"}]
    good = token(sub=ANN)
    assert told(there.does(page, event("entries.count", 0, count=1, door="web"), token=good))["accepted"] == 1
    refused = told(there.does(page, event("client.login", 0), token=good))
    assert [one["code"] for one in refused["rejected"]] == ["reserved_action"]
    uuid = there.rows("page.visit")[0]["uuid"]
    there.app(sub=ANN).sends(sent("screen.view", name="Cart"))
    assert {row["uuid"] for row in there.rows(None)} == {uuid}, "the app's customer is this browser's visitor"


def test_another_customer_on_the_same_browser_is_another_visitor(tmp_path):
    with serving(tmp_path, identity=Identity("email")) as there:
        page = browser(there)
        for name, address in (("A", ANN), ("A", ANN), ("B", BOB), ("B", BOB)):
            click = event("link.click", 0, name=name)
            submit = event("form.submit", 0, form="login", fields={"email": address})
            answer = there.does(page, click, submit)
            cookie = answer.get(b"set-cookie")
            if cookie is not None:
                there.cookie = cookie.partition(b";")[0]
        uuids = [row["uuid"] for row in there.rows("form.submit")]
        assert uuids[0] == uuids[1] != uuids[2] == uuids[3]
        ends = there.rows("session.end")
        assert [row["params"]["reason"] for row in ends] == ["identity"] and ends[0]["uuid"] == uuids[0]
        visits = there.rows("page.visit")
        assert {row["uuid"] for row in visits} == {uuids[0]}, "no merge"
        _, answer = there.navigate(b"/next")
        assert eventually(lambda: there.rows("page.visit")[-1]["uuid"] == uuids[2])
        raw = (tmp_path / "footfall.db").read_bytes()
        assert raw.count(ANN.encode()) <= 2 * 2, "in the events that say so, and nowhere else"


def test_another_origin_cannot_use_a_visitors_browser(there):
    page = browser(there)
    elsewhere = ((b"sec-fetch-site", b"cross-site"), TEXT)
    count = event("entries.count", 0, count=1, door="x")
    assert there.does(page, count, token=token(sub=BOB), fields=elsewhere).status == 403


# Keys ----------------------------------------------------------------------------------------------------------------


def test_a_key_file_that_cannot_be_used_is_said_with_its_key(tmp_path):

    (tmp_path / "short.key").write_text("short")
    (tmp_path / "x.pem").write_text("no key")
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    (tmp_path / "weak.pem").write_bytes(
        weak.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "huge.pem").write_bytes(b"x" * 20_000)
    for key, why in (
        ("HS256:missing.key", "No such file"),
        ("HS256:short.key", "at least 32 bytes"),
        ("RS256:x.pem", "public key of RS256"),
        ("ES256:weak.pem", "public key of ES256"),
        ("RS256:weak.pem", "at least 2048 bits"),
        ("ES256:huge.pem", "not a key"),
    ):
        wrong = inspect(Config(base=tmp_path, api=Api(jwt_keys=(key,))))
        assert wrong is not None and wrong.startswith("api.jwt_keys: ") and why in wrong, (key, wrong)
    with serving(tmp_path):
        pass
    assert "must be the public key" in str(inspect(Config(base=tmp_path, api=Api(jwt_keys=("ES256:private.pem",)))))
    (tmp_path / "public-as-secret.key").write_bytes((tmp_path / "app.pem").read_bytes())
    config = Config(base=tmp_path, api=Api(jwt_keys=("HS256:public-as-secret.key",)))
    assert "no secret of HS256" in str(inspect(config))


# How much ------------------------------------------------------------------------------------------------------------


def events(number: int) -> dict[str, Any]:
    return {"events": [sent("screen.view", name="Cart") for _ in range(number)]}


def test_an_app_that_sends_more_than_a_person_can_do_is_told_when_to_come_again(tmp_path):
    size = 2 * BURST_SECONDS
    with serving(tmp_path, limits=replace(CALM, visitor_events_per_second=2)) as there:
        ann, other = there.app(sub=ANN), there.app(str(uuid4()))
        whole, late = events(EVENTS_MAX), events(9)
        assert told(ann.post("events", whole))["accepted"] == EVENTS_MAX, "a full bucket is enough for any request"
        for document in (late, whole):
            refused = ann.post("events", document)
            assert (refused.status, told(refused)["error"]) == (429, "too_many")
            assert 1 <= int(refused.get(b"retry-after") or 0) <= size
        again = there.app(sub=ANN, jti="another token of the same customer").post("events", late)
        assert again.status == 429
        assert told(other.post("events", events(size - 1)))["accepted"] == size - 1, "of somebody else"
        assert len(there.rows("screen.view")) == EVENTS_MAX + size - 1, "of a refused request nothing is kept"
        assert eventually(lambda: ann.post("events", late).status == 202)
        assert len(there.rows("screen.view")) == EVENTS_MAX + size - 1 + 9


def test_events_that_are_refused_are_counted_as_well(tmp_path):
    with serving(tmp_path, limits=replace(CALM, visitor_events_per_second=1)) as there:
        ann = there.app(sub=ANN)
        assert told(ann.post("events", {"events": [7] * (BURST_SECONDS - 1)}))["accepted"] == 0
        assert ann.post("events", {"events": [7] * 5}).status == 429


def test_a_servers_key_has_a_bucket_of_its_own_for_whomever_it_names(tmp_path):
    other, line = make_key("till")
    api = Api(server_keys=(LINE, line))
    size = 3 * BURST_SECONDS
    limits = replace(CALM, visitor_events_per_second=1, server_events_per_second=3)
    with serving(tmp_path, limits=limits, api=api) as there:
        shop, till = Caller(there, KEY), Caller(there, other)
        order = {**ORDER, "products": [{"sku": "a"}] * 9}
        more = {**ORDER, "orderId": "A-1002", "products": [{"sku": "a"}] * (size - 1)}
        assert told(shop.post("transactions", order))["accepted"] == 10
        assert shop.sends(*events(size - 12)["events"], client={"customer": ANN})["accepted"] == size - 12
        for answer in (
            shop.post("events", {**events(size - 1), "client": {"customer": BOB}}),
            shop.post("transactions", more),
        ):
            assert (answer.status, told(answer)["error"]) == (429, "too_many") and answer.get(b"retry-after")
        assert till.sends(*events(size - 1)["events"], client={"customer": ANN})["accepted"] == size - 1
        statuses = [till.visitor(b"GET", str(uuid4())).status for _ in range(9)]
        assert 429 in statuses and set(statuses) <= {404, 429}


def test_a_large_request_is_read_beside_the_sites_other_requests(there):
    event = {"id": str(uuid4()), "action": "screen.view", "params": {"name": "a", "x": ["4111"] * 125_000}}
    # Of this process, in which all of them are: what else the machine does is no matter.
    app, began, longest = there.app(sub="ann"), time.process_time(), 0.0
    with ThreadPoolExecutor(1) as elsewhere:
        answer = elsewhere.submit(app.post, "events", {"events": [event]})
        while not answer.done():
            at = time.process_time()
            there.request(b"GET", b"/", [])
            longest = max(longest, time.process_time() - at)
        whole = time.process_time() - began
        assert told(answer.result())["rejected"][0]["code"] == "too_long"
    assert longest < whole / 3, (longest, whole)
