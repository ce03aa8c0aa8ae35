"""What the site's own answers mean: events by [[rules]], and what came of forms (EVENTS.md section 7)."""

import contextlib
import gzip
import threading
from pathlib import Path
from typing import Any

import pytest
from shops import SAME, TEXT, Shop, event, shop, told
from wire import Answer, eventually

from proxy.config import Config, ConfigError, load
from proxy.definitions import catalogue_of, read_definitions
from proxy.rulebook import read_rules
from proxy.tables import Identity, Limits, Tracking

FORM = (b"content-type", b"application/x-www-form-urlencoded")
HTML = b"<!doctype html><html><head><title>Log in</title></head><body>%b</body></html>"
LOGIN = HTML % b"<form method=post data-track-form='log in &amp; go'><input data-track-field=user></form>"
HOST = "http://shop.example"
CATALOGUE = {"account.made": {"params": {"plan": {"type": "string", "required": True}, "paid": {"type": "boolean"}}}}
RULES = [
    {"path": "/login", "status": 302, "action": "client.login"},
    {"path": "/logout", "method": "GET", "status": [200, "301-303"], "action": "client.logout"},
    {"path": "/signup*", "action": "account.made", "params": {"plan": "free", "paid": False}},
]


async def site(scope: Any, receive: Any, send: Any) -> None:
    """A site with accounts: the status that is asked for, in the path; a page with the form for 200."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    while (await receive()).get("more_body"):
        pass
    query = dict(part.partition("=")[::2] for part in scope["query_string"].decode().split("&"))
    status = int(query.get("status") or 200)
    body = LOGIN if "form" in query else HTML % b"hello"
    headers = [(b"content-type", b"text/csv" if "file" in query else b"text/html; charset=utf-8")]
    if "gzip" in query:
        body = gzip.compress(body)
        headers.append((b"content-encoding", b"gzip"))
    if 300 <= status < 400:
        headers, body = [(b"location", b"/account?token=x")], b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    pieces = [body[:60], body[60:]]
    await send({"type": "http.response.body", "body": pieces[0], "more_body": True})
    await send({"type": "http.response.body", "body": pieces[1], "more_body": False})


@contextlib.contextmanager
def serving(folder: Path, **more: Any):
    events = read_definitions(CATALOGUE)
    config = Config(
        base=folder,
        limits=Limits(visitor_events_per_second=0, address_events_per_second=0),
        events=events,
        rules=load_rules(),
        **more,
    )
    with shop(config, site) as running:
        yield running


def load_rules():

    return read_rules(RULES, catalogue_of(read_definitions(CATALOGUE)))


@pytest.fixture
def there(tmp_path):
    with serving(tmp_path) as running:
        yield running


def visitor(there: Shop) -> str:
    page, answer = there.navigate(b"/login?form=1")
    there.cookie = answer.get(b"set-cookie").partition(b";")[0]
    assert there.confirm(page).status == 202
    return page


def asks(there: Shop, method: bytes, target: bytes, *fields: tuple[bytes, bytes]) -> Any:
    head = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"), *fields]
    return there.request(method, target, head, b"user=ann" if method == b"POST" else None)


def told_of(there: Shop, action: str, number: int = 1) -> list[dict[str, Any]]:
    assert eventually(lambda: len(there.rows(action)) >= number), there.rows(None)
    return there.rows(action)


# Rules -------------------------------------------------------------------------------------------------------------


def test_an_answer_of_the_site_is_an_event_of_its_visitor(there):
    visitor(there)
    uuid = there.rows()[0]["uuid"]
    asks(there, b"POST", b"/login?status=302", FORM)
    asks(there, b"GET", b"/logout?status=303")
    asks(there, b"POST", b"/signup/now", FORM)
    (login,) = told_of(there, "client.login")
    (logout,) = told_of(there, "client.logout")
    (made,) = told_of(there, "account.made")
    assert {row["uuid"] for row in (login, logout, made)} == {uuid}
    assert {row["session"] for row in (login, logout, made)} == {there.rows()[0]["session"]}
    assert made["params"] == {"plan": "free", "paid": False} and login["label"] == "Logged in"
    assert {row["lane"] for row in there.rows(None)} == {"person"}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"POST", b"/login?status=200"),
        (b"POST", b"/login?status=403"),
        (b"GET", b"/login?status=302"),
        (b"POST", b"/login/?status=302"),
        (b"POST", b"/LOGIN?status=302"),
        (b"POST", b"/logout?status=302"),
        (b"POST", b"/signup?status=500"),
        (b"POST", b"/x/signup"),
    ],
)
def test_another_method_path_or_status_means_nothing(there, method, target):
    visitor(there)
    asks(there, method, target, FORM)
    asks(there, b"POST", b"/signup/last", FORM)
    told_of(there, "account.made")
    assert [row["action"] for row in there.rows(None) if row["action"].startswith(("client.", "account."))] == [
        "account.made"
    ]


def test_nobody_is_made_a_visitor_by_a_rule(there):
    asks(there, b"POST", b"/login?status=302", FORM)
    forged = (b"cookie", b"footfall=AAAA.BBBB")
    asks(there, b"POST", b"/login?status=302", FORM, forged)
    visitor(there)
    asks(there, b"POST", b"/login?status=302", FORM, (b"sec-gpc", b"1"))
    asks(there, b"POST", b"/signup", FORM)
    told_of(there, "account.made")
    assert there.rows("client.login") == []


def test_what_is_excluded_means_nothing(tmp_path):
    with serving(tmp_path, tracking=Tracking(exclude=("/login",))) as there:
        page, answer = there.navigate(b"/other")
        assert page
        there.cookie = answer.get(b"set-cookie").partition(b";")[0]
        asks(there, b"POST", b"/login?status=302", FORM)
        asks(there, b"POST", b"/signup", FORM)
        told_of(there, "account.made")
        assert there.rows("client.login") == []


WRONG = [
    ("path = '/x'\naction = 'a.b'", "1.action", "must be an action that is defined"),
    ("path = '/x'\naction = 'client.logn'", "1.action", "did you mean client.login?"),
    ("path = '/x'\naction = 'page.visit'", "1.action", "made otherwise"),
    ("path = '/x'\naction = 'transaction.charge'", "1.action", "made otherwise"),
    ("path = '/x'\naction = 'session.start'", "1.action", "made otherwise"),
    ("path = 'x'\naction = 'client.login'", "1.path", "starts with '/'"),
    ("action = 'client.login'", "1.path", "starts with '/'"),
    ("path = '/x'\nmethod = 'post'\naction = 'client.login'", "1.method", "in capitals"),
    ("path = '/x'\nstatus = 99\naction = 'client.login'", "1.status", "must be a status"),
    ("path = '/x'\nstatus = '399-300'\naction = 'client.login'", "1.status", "is no range"),
    ("path = '/x'\nstatus = []\naction = 'client.login'", "1.status", "must name a status"),
    ("path = '/x'\nactoin = 'client.login'", "1.actoin", "did you mean action?"),
    ("path = '/x'\naction = 'screen.view'", "1.params", "name is missing"),
    ("path = '/x'\naction = 'client.login'\nparams = {a = []}", "1.params", "must be a table of"),
    ("path = '/x'\naction = 'client.login'\nparams = {password = 'x'}", "1.params.password", "never kept"),
]


@pytest.mark.parametrize(("text", "key", "why"), WRONG)
def test_a_rule_that_could_never_hold_is_refused_with_its_key(tmp_path, text, key, why):
    path = tmp_path / "config.toml"
    path.write_text(f"[[rules]]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {}, {})
    assert str(caught.value).startswith(f"{path}: rules.{key}: ") and why in str(caught.value)


def test_rules_come_from_the_file_or_the_environment(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[[rules]]\npath = '/login'\nstatus = [302, '200-204']\naction = 'client.login'\n")
    config = load(path, {}, {})
    assert Config.from_json(config.to_json()) == config
    assert config.rules[0].statuses == ((302, 302), (200, 204))
    told = load(path, {"FOOTFALL_RULES": '[{"path": "/in", "action": "client.login"}]'}, {})
    assert told.rules[0].path == "/in" and told.rules[0].statuses == ((200, 399),)


# What came of forms ------------------------------------------------------------------------------------------------


def submits(
    there: Shop, page: str, form: str = "log in & go", to: str = "/login", how: str = "to", user: str = "ann"
) -> Answer:
    one = event("form.submit", 0, form=form, fields={"user": user}, **{how: HOST + to})
    answer = there.does(page, one, fields=(SAME, TEXT))
    assert told(answer)["accepted"] == 1
    return answer


RESULTS = [
    (b"/login?status=302", {"status": 302, "outcome": "accepted", "redirect": f"{HOST}/account?token=removed"}),
    (b"/login?form=1", {"status": 200, "outcome": "rejected"}),
    (b"/login?form=1&gzip=1", {"status": 200, "outcome": "rejected"}),
    (b"/login", {"status": 200, "outcome": "accepted"}),
    (b"/login?gzip=1", {"status": 200, "outcome": "accepted"}),
    (b"/login?status=422&form=1", {"status": 422, "outcome": "rejected"}),
    (b"/login?status=500", {"status": 500, "outcome": "error"}),
]


@pytest.mark.parametrize(("target", "params"), RESULTS)
@pytest.mark.parametrize("order", ["told first", "asked first"])
def test_what_came_of_a_form_is_the_sites_own_answer(there, target, params, order):
    page = visitor(there)
    if order == "told first":
        submits(there, page)
    asks(there, b"POST", target, FORM, (b"accept-encoding", b"gzip"))
    if order == "asked first":
        submits(there, page)
    (row,) = told_of(there, "form.result")
    assert row["params"] == {"form": "log in & go", **params}


def test_a_form_that_a_script_sends_has_its_result_too(there):
    page = visitor(there)
    submits(there, page)
    boundary = (b"content-type", b"multipart/form-data; boundary=x")
    there.request(b"POST", b"/login", [(b"sec-fetch-mode", b"cors"), (b"sec-fetch-dest", b"empty"), boundary], b"--x--")
    (row,) = told_of(there, "form.result")
    assert row["params"]["outcome"] == "accepted"


@pytest.mark.parametrize("coding", ["", "&gzip=1"])
def test_a_form_that_a_script_sends_and_that_is_shown_again_is_rejected(there, coding):
    page = visitor(there)
    submits(there, page)
    fields = [(b"sec-fetch-mode", b"cors"), (b"sec-fetch-dest", b"empty"), FORM, (b"accept-encoding", b"gzip")]
    answer = there.request(b"POST", b"/login?form=1" + coding.encode(), fields, b"user=ann")
    assert (gzip.decompress(answer.body) if coding else answer.body) == LOGIN
    (row,) = told_of(there, "form.result")
    assert row["params"]["outcome"] == "rejected"


def test_a_request_that_is_no_form_is_none(there):
    page = visitor(there)
    there.request(b"POST", b"/login", [(b"content-type", b"application/json")], b"{}")
    submits(there, page)
    asks(there, b"POST", b"/signup", FORM)
    told_of(there, "account.made")
    assert there.rows("form.result") == []


def test_many_forms_side_by_side_have_one_result_each(there):
    page = visitor(there)
    names = [f"form{n}" for n in range(20)]

    def send(name: str) -> None:
        asks(there, b"POST", f"/{name}?status=302".encode(), FORM)

    threads = [threading.Thread(target=send, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for name in names:
        submits(there, page, form=name, to=f"/{name}")
    for thread in threads:
        thread.join()
    rows = told_of(there, "form.result", len(names))
    assert sorted(row["params"]["form"] for row in rows) == sorted(names)


ASKED = [
    (b"/login?q=a", {"status": 200, "outcome": "accepted"}),
    (b"/login?form=1", {"status": 200, "outcome": "accepted"}),  # a search's page has the search on it
    (b"/login?file=1", {"status": 200, "outcome": "accepted"}),
    (b"/login?status=404", {"status": 404, "outcome": "rejected"}),
    (b"/login?status=404&file=1", {"status": 404, "outcome": "rejected"}),
    (b"/login?status=503", {"status": 503, "outcome": "error"}),
    (b"/login?status=302", {"status": 302, "outcome": "accepted", "redirect": f"{HOST}/account?token=removed"}),
]


@pytest.mark.parametrize(("target", "params"), ASKED)
@pytest.mark.parametrize("order", ["told first", "asked first"])
def test_what_came_of_a_form_that_is_sent_by_get_is_the_sites_own_answer(there, target, params, order):
    page = visitor(there)
    if order == "told first":
        submits(there, page, how="asks")
    asks(there, b"GET", target, SAME)
    if order == "asked first":
        submits(there, page, how="asks")
    (row,) = told_of(there, "form.result")
    assert row["params"] == {"form": "log in & go", **params}


NOT_ASKED = [
    (b"POST", b"/login?q=a", (FORM,)),
    (b"HEAD", b"/login?q=a", ()),
    (b"GET", b"/login", ()),
    (b"GET", b"/other?q=a", ()),
    (b"GET", b"/login?status=302", ((b"sec-fetch-site", b"cross-site"),)),
    (b"GET", b"/login?file=1", ((b"sec-fetch-site", b"none"),)),
    (b"GET", b"/login?file=1", ((b"x-purpose", b"preview"),)),
]


@pytest.mark.parametrize(("method", "target", "fields"), NOT_ASKED)
@pytest.mark.parametrize("order", ["told first", "asked first"])
def test_another_request_is_no_answer_to_a_form_that_is_sent_by_get(there, method, target, fields, order):
    page = visitor(there)
    if order == "told first":
        submits(there, page, how="asks")
    asks(there, method, target, *fields)
    if order == "asked first":
        submits(there, page, how="asks")
    asks(there, b"POST", b"/signup", FORM)
    told_of(there, "account.made")
    assert there.rows("form.result") == []


# Another customer in the same browser ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 200])
@pytest.mark.parametrize("order", ["told first", "asked first"])
def test_who_logs_in_where_somebody_else_was_has_what_the_site_says_to_it(tmp_path, order, status):
    """The request that logs in has the cookie of whoever was there before: the browser has no other one yet."""
    with serving(tmp_path, identity=Identity(field="user")) as there:
        page = visitor(there)
        submits(there, page)
        asks(there, b"POST", b"/login?status=302", FORM)
        told_of(there, "form.result")
        target, ann = f"/login?form=1&status={status}".encode(), there.cookie
        if order == "told first":
            answer = submits(there, page, user="bob")
        asks(there, b"POST", target, FORM)
        if order == "asked first":
            answer = submits(there, page, user="bob")
        assert there.cookie == ann and (answer.get(b"set-cookie") or b"").startswith(b"footfall=")
        told_of(there, "form.result", 2)
        submitted = [row["uuid"] for row in there.rows("form.submit")]
        assert len(set(submitted)) == 2
        assert [row["uuid"] for row in there.rows("form.result")] == submitted
        logins = 2 if status == 302 else 1
        assert [row["uuid"] for row in told_of(there, "client.login", logins)] == submitted[:logins]
        assert [row["uuid"] for row in there.rows()] == submitted[: 1 if status == 302 else 2]
        assert len({row["session"] for row in there.rows(None)}) == 2
