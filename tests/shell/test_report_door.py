"""The report's door: who is let in, by which name, and what every answer's head says (HTTP.md, X4)."""

import json

import pytest
from bs4 import BeautifulSoup
from reports import TOKEN, Site, address, confirm, page, report, visit

VISITOR = "00000000-0000-0000-0000-000000005631"
"""The uuid of `V1`."""
PAGES = (
    *("/", "/visitors", "/paths", "/forms", "/forms?of=shop.example/%20letter", "/live", "/requests", "/events"),
    *("/rejected", f"/visitors/{VISITOR}/forget", "/errors", "/errors?of=failed%20404%20shop.example/gone"),
    *("/explore", "/explore?of=banner.hover", "/attention"),
)
JSON = (
    "/overview.json",
    "/index.json",
    "/visitors.json",
    "/attention.json",
    "/forms.json",
    "/errors.json",
    "/explore.json",
    "/live.json",
    "/requests.json",
    "/events.json",
    "/rejected.json",
    f"/visitors/{VISITOR}/forget.json",
    "/live/clock.json",
    "/live/lines.json",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    store = tmp_path_factory.mktemp("door") / "store.db"
    with report(store) as running:
        running.write(visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500))
        yield running


def head(answer) -> dict[bytes, bytes]:
    return dict(answer.fields)


def test_every_answer_carries_the_policy(site):
    asked = [
        site.get(path) for path in (*PAGES, *JSON, "/nothing", "/static/report.css", "/static/nothing", "/visitors/x")
    ]
    asked += [site.get(path, signed_in=False) for path in (*PAGES, *JSON, "/sign-in", f"/?token={TOKEN}", "/?token=x")]
    asked.append(site.get("/", host="evil.example"))
    asked.append(site.ask(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"))
    asked.append(site.ask(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HEAD"))
    assert {answer.status for answer in asked} == {200, 303, 401, 404, 421}
    for answer in asked:
        fields = head(answer)
        policy = fields[b"content-security-policy"]
        assert policy.startswith(b"default-src 'none'; script-src 'self'; style-src 'self';")
        for part in (b"frame-ancestors 'none'", b"base-uri 'none'", b"form-action 'self'", b"connect-src 'self'"):
            assert part in policy
        assert b"unsafe" not in policy and b"*" not in policy
        assert fields[b"cache-control"] == b"no-store"
        assert fields[b"x-content-type-options"] == b"nosniff"
        assert fields[b"referrer-policy"] == b"same-origin"
        assert fields[b"cross-origin-opener-policy"] == b"same-origin"
        assert fields[b"cross-origin-resource-policy"] == b"same-origin"
        assert len(answer.all(b"content-security-policy")) == 1


def test_no_page_holds_a_script_or_a_style_of_its_own(site):
    for path in (*PAGES, "/sign-in", "/nothing", "/visitors/" + VISITOR):
        soup = BeautifulSoup(site.get(path).body, "html5lib")
        assert soup.h1 is not None
        for script in soup("script"):
            assert script["src"].startswith("/static/") and not script.text.strip()
        assert not soup("style")
        for element in soup(True):
            assert not [name for name in element.attrs if name == "style" or name.startswith("on")], element


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.2", "0.0.0.0"])
def test_a_name_that_was_made_to_lead_here_is_refused(site, host):
    for path in ("/", "/static/report.css", f"/?token={TOKEN}", "/sign-in"):
        answer = site.get(path, host=host)
        assert answer.status == 421 and answer.get(b"set-cookie") is None
        assert b"localhost" in answer.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_names_of_this_machine_are_answered(site, host):
    assert site.get("/", host=host).status == 200


def test_only_the_names_that_are_configured_are_answered(tmp_path):
    with report(tmp_path / "store.db", hosts=frozenset({"report.example"})) as running:
        assert running.get("/", host="report.example").status == 200
        assert running.get("/", host="localhost").status == 421


def test_without_the_token_there_is_the_sign_in_page_and_nothing_else(site):
    for path in (*PAGES, "/nothing", "/visitors/" + VISITOR):
        answer = site.get(path, signed_in=False)
        assert answer.status == 401
        assert b"footfall serve" in answer.body and b'action="/sign-in"' in answer.body
        assert b"P1" not in answer.body and b"Visited" not in answer.body
    for path in (*JSON, "/live/stream"):
        answer = site.get(path, b"Accept: text/event-stream\r\n", signed_in=False)
        assert answer.status == 401 and json.loads(answer.body)["error"] == "unauthorized"
        assert answer.get(b"www-authenticate") == b"Bearer"


def test_static_files_need_no_token(site):
    for name in ("report.css", "live.js", "sift.js", "delay.js", "mark.svg"):
        assert site.get(f"/static/{name}", signed_in=False).status == 200
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "//app.py", "../templates/base.html"):
        assert site.get(f"/static/{name}", signed_in=False).status in (401, 404)


def test_the_token_in_the_address_sets_a_cookie_and_leaves_the_address(site):
    answer = site.get(f"/visitors?range=7d&token={TOKEN}&lane=bot", signed_in=False)
    assert (answer.status, answer.get(b"location")) == (303, b"/visitors?range=7d&lane=bot")
    cookie = answer.get(b"set-cookie")
    assert b"HttpOnly" in cookie and b"SameSite=Lax" in cookie and TOKEN.encode() not in cookie
    name = cookie.split(b";")[0]
    assert site.get("/visitors", b"Cookie: a=b; " + name + b"\r\n", signed_in=False).status == 200
    assert site.get("/visitors", b"Cookie: " + name + b"x\r\n", signed_in=False).status == 401


def test_a_wrong_token_sets_nothing(site):
    for token in ("", "x", TOKEN[:-1], TOKEN + "x", address("é"), "%00"):
        answer = site.get(f"/?token={token}", signed_in=False)
        assert answer.status == 401 and answer.get(b"set-cookie") is None
        assert b"not the token" in answer.body


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "//evil.example//..", "/%0d%0aLocation:%20x"])
def test_signing_in_leads_to_no_other_site(site, path):
    answer = site.get(f"{path}?token={TOKEN}", signed_in=False)
    location = answer.get(b"location")
    assert location is None or (location.startswith(b"/") and not location.startswith((b"//", b"/\\")))
    assert b"\n" not in (location or b"")


def sign_in(site: Site, body: bytes, fields: bytes) -> object:
    head = b"POST /sign-in HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return site.ask(head % site.served.port + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def test_the_sign_in_form_signs_in_and_goes_on(site):
    body = f"token={TOKEN}&next={address('/visitors?range=7d')}".encode()
    for fields in (b"Sec-Fetch-Site: same-origin\r\n", b"Origin: http://localhost:%d\r\n" % site.served.port):
        answer = sign_in(site, body, fields)
        assert (answer.status, answer.get(b"location")) == (303, b"/visitors?range=7d")
        assert answer.get(b"set-cookie") is not None


def test_the_sign_in_form_of_another_site_is_refused(site):
    body = f"token={TOKEN}".encode()
    for fields in (b"Sec-Fetch-Site: cross-site\r\n", b"Origin: http://evil.example\r\n", b"Origin: null\r\n", b""):
        answer = sign_in(site, body, fields)
        assert answer.status == 403 and answer.get(b"set-cookie") is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"token=wrong", 401),
        (b"", 401),
        (b"next=/", 401),
        (b"\xff\xfe", 400),
        (b"token=" + b"x" * 5_000, 400),
        (b"&".join(b"a%d=1" % n for n in range(20)), 400),
        (f"token={TOKEN}&next=//evil.example/".encode(), 303),
    ],
)
def test_whatever_is_sent_to_the_sign_in_form_is_answered_in_order(site, body, status):
    answer = sign_in(site, body, b"Sec-Fetch-Site: same-origin\r\n")
    assert answer.status == status
    if status == 303:
        assert answer.get(b"location") == b"/"


def test_the_report_can_only_be_read(site):
    for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"):
        request = method + b" / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nContent-Length: 0\r\n\r\n"
        assert site.ask(request % TOKEN.encode()).status == 405


def test_a_head_of_every_page_is_answered_and_ends(site):
    for path in (*PAGES, *JSON, "/live/stream"):
        request = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        assert site.ask(request, "HEAD").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "range=nothing&lane=nobody",
        "range=%00&lane=%ff",
        "before=1",
        "before=-",
        "before=9" * 9,
        "rows=%3Cscript%3E",
        "=&&=;",
    ],
)
def test_an_odd_query_is_no_error(site, query):
    for path in (*PAGES, *JSON):
        assert site.get(f"{path}?{query}").status == 200


@pytest.mark.parametrize("uuid", ["x", "%00", "%ff", "..", "<script>", "a" * 3_000, "0" * 32, "%F0%9F%91%A3"])
def test_a_visitor_that_does_not_exist_is_told_so(site, uuid):
    answer = site.get(f"/visitors/{uuid.replace('<', '%3C').replace('>', '%3E')}")
    assert answer.status == 404 and b"<script>" not in answer.body
