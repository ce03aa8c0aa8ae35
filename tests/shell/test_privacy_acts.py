"""What a visitor does about what is held, over real sockets: stop, record again, take it, erase it; and that nobody
else can do it for them."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from privacies import FORM, OPENED, PRIVACY, SAME, Fields, Person, Shown, files_have, held, values
from shops import Shop, event, shop
from test_collector import ORIGINS
from wire import eventually

from proxy.config import Config
from proxy.files import open_reader
from proxy.intake.buckets import take_all
from proxy.keys import load_keys, to_text
from proxy.privacy.asking import DOWNLOADS, STEP_EVENTS
from proxy.privacy.door import FORM_BYTES
from proxy.privacy.page import ADDRESS_ERASURES_PER_SECOND, FILE_NAME
from proxy.store.base import Query
from proxy.tables import Consent, Limits, Report, Site
from proxy.visitors.formtokens import FormTokens
from proxy.visitors.ids import parse_uuid
from proxy.visitors.times import MINUTE_MS

FREE = Limits(address_events_per_second=0)
BASE = Config(report=Report(timezone="UTC"))
ACTIONS = (b"stop", b"record", b"download", b"erase")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Shop]:
    with shop(replace(BASE, base=tmp_path)) as running:
        yield running


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """For what changes nothing."""
    with shop(replace(BASE, base=tmp_path_factory.mktemp("refusing"), limits=FREE)) as running:
        yield running


# Stop and record again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["", "https://shop.example"])
def test_stopping_is_footfall_off(tmp_path, origin):
    """The same cookies and the same end of the session as when the tracker says no."""
    with shop(replace(BASE, base=tmp_path, site=Site(public_origin=origin))) as there:
        person, other = Person(there), Person(there)
        person.visits()
        other.visits()
        name = next(iter(person.cookies))
        answer = person.sends(b"stop")
        assert answer.status == 303 and answer.get(b"location") == PRIVACY and answer.body == b""
        there.cookie = name + b"=" + other.cookies[name]
        off = there.post({"v": 1, "page": "", "consent": "out", "events": []})
        assert answer.all(b"set-cookie") == off.all(b"set-cookie") and len(off.all(b"set-cookie")) == 2
        assert person.cookies == {b"footfall_consent": b"out"}
        assert eventually(lambda: [row["params"]["reason"] for row in there.rows("session.end")] == ["opt_out"] * 2)
        shown = person.opens()
        assert shown.state == "This browser is not recorded" and list(shown.buttons) == ["Record again"]
        assert "no cookie to find it by" in shown.words and "after 395 days" in shown.words


def test_who_has_stopped_is_recorded_no_more_until_they_say_so(there):
    person = Person(there)
    person.visits()
    person.sends(b"stop")
    assert person.visits(b"/unseen") == ""
    assert eventually(lambda: there.outcomes().get("opted_out") == 1)
    answer = person.sends(b"record")
    assert answer.status == 303 and answer.get(b"location") == PRIVACY
    assert person.cookies == {b"footfall_consent": b"in"}
    assert person.visits(b"/seen") != ""
    assert person.opens().sums == [1, 0, 1]
    assert [row["params"]["uri"] for row in there.rows()] == ["http://shop.example/", "http://shop.example/seen"]


def test_recording_again_is_footfall_on(there):
    person = Person(there, cookies={b"footfall_consent": b"out"})
    answer = person.sends(b"record")
    page, _ = there.navigate()
    on = there.does(page, consent="in")
    assert on.status == 202
    assert answer.all(b"set-cookie") == values(on, b"footfall_consent")


def test_somebody_without_a_cookie_can_stop_before_anything_is_recorded(there):
    person = Person(there)
    answer = person.sends(b"stop")
    assert answer.status == 303 and len(answer.all(b"set-cookie")) == 1
    assert person.visits() == "" and there.rows(None) == []


def test_opt_in_is_agreed_to_and_taken_back_here(tmp_path):
    with shop(replace(BASE, base=tmp_path, consent=Consent(mode="opt-in"))) as there:
        person = Person(there)
        assert list(person.opens().buttons) == ["Record this browser"]
        assert person.sends(b"record").status == 303
        assert person.visits() != "" and person.opens().state == "This browser is being recorded"
        assert person.sends(b"stop").status == 303
        assert person.cookies == {b"footfall_consent": b"out"}


# Take it --------------------------------------------------------------------------------------------------------------


def exported(there: Shop, uuid: str) -> list[dict[str, object]]:
    with contextlib.closing(open_reader(there.config)) as reader:
        return [event.to_export() for event in reader.export(Query(visitor=parse_uuid(uuid)))]


def test_the_file_has_all_that_is_held_and_nothing_of_anybody_else(there):
    person, other = Person(there), Person(there)
    uuid = person.visits(title="An \u2028 odd 'title' </script>")
    other.visits(b"/other")
    answer = person.sends(b"download")
    assert answer.status == 200 and answer.whole and answer.all(b"set-cookie") == []
    assert answer.get(b"content-type") == b"application/json"
    assert answer.get(b"content-disposition") == f'attachment; filename="{FILE_NAME}"'.encode()
    assert answer.get(b"cache-control") == b"no-store" and answer.get(b"x-content-type-options") == b"nosniff"
    file = json.loads(answer.body)
    assert list(file) == ["site", "made", "events", "complete"]
    assert file["events"] == exported(there, uuid) and len(file["events"]) == 2
    assert (file["site"], file["complete"]) == ("http://shop.example", True)
    assert person.cookies[b"footfall"] not in answer.body


def test_a_file_of_many_events_comes_in_pieces_and_is_whole(tmp_path):
    with shop(replace(BASE, base=tmp_path, limits=replace(FREE, visitor_events_per_second=0))) as there:
        person = Person(there)
        uuid = person.visits()
        there.cookie = b"footfall=" + person.cookies[b"footfall"]
        page, _ = there.navigate()
        number = 2 * STEP_EVENTS + 7
        for start in range(0, number, 50):
            clicks = [event("link.click", name=f"{n}") for n in range(start, min(start + 50, number))]
            assert there.does(page, *clicks).status == 202
        assert held(there, uuid).others == number
        answer = person.sends(b"download")
        assert answer.whole and answer.get(b"transfer-encoding") == b"chunked"
        file = json.loads(answer.body)
        assert file["complete"] and file["events"] == exported(there, uuid)
        assert answer.body.count(b"\n") == len(file["events"]) + 2  # an event a line


def test_files_that_are_given_up_make_room_again(there):
    person = Person(there)
    person.visits()
    token = person.opens().token
    head = b"Host: shop.example\r\nCookie: footfall=%b\r\nSec-Fetch-Site: same-origin\r\n" % person.cookies[b"footfall"]
    head += b"Content-Type: application/x-www-form-urlencoded\r\n"
    body = b"token=" + token.encode()
    for _ in range(5 * DOWNLOADS):
        wire = there.served.connect()
        wire.send(b"POST %b/download HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (PRIVACY, head, len(body), body))
        wire.close()
    assert eventually(lambda: person.sends(b"download").status == 200)
    for _ in range(2 * DOWNLOADS):
        assert person.sends(b"download").status == 200


# Erase it -------------------------------------------------------------------------------------------------------------


def test_erasing_is_asked_done_and_receipted(there):
    person, other = Person(there), Person(there)
    uuid = person.visits(title="A title that nobody else has seen")
    other.visits(b"/other")
    raw = parse_uuid(uuid)
    assert raw is not None and files_have(there.config.base, raw)
    shown = person.opens(b"/erase")
    assert shown.sums == [1, 0, 1]
    answer = person.sends(b"erase", token=shown.token)
    receipt = Shown(answer)
    assert receipt.status == 200 and receipt.heading == "It is erased" and receipt.sums == [1, 0, 1]
    assert re.search(r"On \d+ \w+ \d{4}, \d\d:\d\d UTC, shop\.example erased all", receipt.words)
    assert values(answer, b"footfall")[0].startswith(b"footfall=; Path=/; Max-Age=0")
    assert person.cookies == {}
    assert uuid not in receipt.words and uuid.encode() not in answer.body
    assert files_have(there.config.base, raw) == [] and files_have(there.config.base, b"nobody else") == []
    assert held(there, uuid).views == 0
    assert [row["params"]["uri"] for row in there.rows()] == ["http://shop.example/other"]
    assert person.visits(b"/again") not in ("", uuid)


def test_erasing_can_stop_the_recording_too(there):
    person = Person(there)
    person.visits()
    answer = person.sends(b"erase", more=b"&stop=1")
    assert "This browser is no longer recorded" in Shown(answer).words
    assert person.cookies == {b"footfall_consent": b"out"}
    assert person.visits(b"/again") == "" and there.rows(None) == []


def test_a_signal_that_forbids_recording_does_not_forbid_erasing(there):
    person = Person(there)
    person.visits()
    person.fields = [(b"sec-gpc", b"1")]
    assert not person.opens(b"/erase").soup.select('input[type="checkbox"]')
    answer = person.sends(b"erase", more=b"&stop=1")
    assert Shown(answer).heading == "It is erased" and person.cookies == {} and there.rows(None) == []


def test_an_erased_visitors_cookie_shows_erases_and_stops_nothing(there):
    person = Person(there)
    person.visits()
    kept = dict(person.cookies)
    token = person.opens().token
    assert person.sends(b"erase").status == 200
    again = Person(there, cookies=kept)
    shown = again.opens()
    assert shown.sums == [] and "no longer counts" in shown.words
    for action in (b"download", b"erase"):
        assert again.sends(action, token=token).status == 403
        answer = again.sends(action)
        assert answer.status == 404 and Shown(answer).heading == "Nothing is known of this browser"
    before = there.rows(None)
    assert again.sends(b"stop").status == 303 and there.rows(None) == before == []


def test_what_is_erased_twice_at_once_is_receipted_once(there):
    person = Person(there)
    person.visits()
    copy = Person(there, cookies=dict(person.cookies))
    token = person.opens().token
    first, second = person.sends(b"erase", token=token), copy.sends(b"erase", token=token)
    assert (first.status, second.status) == (200, 403)


def test_whoever_makes_visitors_up_to_erase_them_has_to_wait(there, monkeypatch):
    monkeypatch.setattr("proxy.privacy.page.take_all", lambda wishes, now: take_all(wishes, 0.0))  # time stands still
    burst = int(10 * ADDRESS_ERASURES_PER_SECOND)
    statuses = []
    for _ in range(burst + 2):
        person = Person(there)
        person.ask(b"GET", b"/", [(b"accept", b"text/html"), *OPENED])
        statuses.append(person.sends(b"erase"))
    assert [answer.status for answer in statuses] == [200] * burst + [429] * 2
    late = statuses[burst:]
    assert all(answer.get(b"retry-after") for answer in late)
    assert "Nothing was erased yet" in Shown(late[0]).words and late[0].all(b"set-cookie") == []


# Nobody else can ------------------------------------------------------------------------------------------------------


def nothing_happens(person: Person, action: bytes, fields: Fields, token: str, status: int = 403) -> Shown:
    """A form is refused in plain words, and all is as it was."""
    cookies, before = dict(person.cookies), person.opens().sums
    answer = person.sends(action, fields, token)
    shown = Shown(answer)
    assert answer.status == status and shown.heading and "Nothing was changed" in shown.words
    assert answer.all(b"set-cookie") == [] and answer.get(b"content-disposition") is None
    assert person.cookies == cookies and person.opens().sums == before
    return shown


@pytest.fixture(scope="module")
def victim(refusing: Shop) -> Person:
    person = Person(refusing)
    person.visits(title="Secret")
    return person


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("fields", [fields for fields, taken in ORIGINS if not taken])
def test_a_form_of_another_site_does_nothing_even_with_the_right_token(victim, action, fields):
    """Sec-Fetch-Site, or Origin: the same table as for beacons. (A Lax cookie is not even sent with such a POST.)"""
    nothing_happens(victim, action, [*fields, FORM], victim.opens().token)


@pytest.mark.parametrize("fields", [fields for fields, taken in ORIGINS if taken])
def test_a_form_of_this_site_is_taken(there, fields):
    person = Person(there)
    assert person.sends(b"stop", [*fields, FORM]).status == 303


def test_the_origin_is_the_public_one(tmp_path):
    with shop(replace(BASE, base=tmp_path, site=Site(public_origin="https://shop.example"))) as there:
        person = Person(there)
        nothing_happens(person, b"stop", [(b"origin", b"http://shop.example"), FORM], person.opens().token)
        assert person.sends(b"stop", [(b"origin", b"https://shop.example"), FORM]).status == 303


@pytest.mark.parametrize("action", ACTIONS)
def test_a_form_without_its_token_does_nothing(victim, action):
    good = victim.opens().token
    for token in ("", "x", good[:-1], good + "A", good.swapcase(), good[::-1], "A" * 28, quote("é" * 28)):
        assert nothing_happens(victim, action, [SAME, FORM], token).heading == "This page is out of date"


@pytest.mark.parametrize("action", ACTIONS)
def test_another_visitors_token_does_nothing(victim, refusing, action):
    other, nobody = Person(refusing), Person(refusing)
    other.ask(b"GET", b"/", [(b"accept", b"text/html"), *OPENED])
    assert b"footfall" in other.cookies
    for token in (other.opens().token, nobody.opens().token):
        nothing_happens(victim, action, [SAME, FORM], token)
    nothing_happens(nobody, action, [SAME, FORM], victim.opens().token)


def test_a_token_is_of_one_host(victim):
    token = victim.opens().token
    body = b"token=" + token.encode()
    answer = victim.shop.served.ask(
        b"POST %b/stop HTTP/1.1\r\nHost: other.example\r\nCookie: footfall=%b\r\nSec-Fetch-Site: same-origin\r\n"
        b"User-Agent: Firefox\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%b"
        % (PRIVACY, victim.cookies[b"footfall"], len(body), body),
        "POST",
    )
    assert answer.status == 403 and answer.all(b"set-cookie") == []


def test_tokens_of_keys(tmp_path):
    """One of a retired key is taken, one of a key that is gone, or of an hour ago, is not."""
    with shop(replace(BASE, base=tmp_path)) as there:
        person = Person(there)
        uuid = parse_uuid(person.visits())
    (old,) = load_keys(tmp_path / "footfall.key")
    new = old._replace(id=old.id + 1, secret=b"n" * 32)
    (tmp_path / "footfall.key").write_text(to_text([new, old]))
    with shop(replace(BASE, base=tmp_path)) as there:
        person.shop = there
        now = int(there.rows()[0]["received"])
        origin = b"http://shop.example"
        made = {name: FormTokens([secret]) for name, secret in (("old", old.secret), ("gone", b"g" * 32))}
        nothing_happens(person, b"erase", [SAME, FORM], made["gone"].sign(uuid, origin, now))
        nothing_happens(person, b"erase", [SAME, FORM], made["old"].sign(uuid, origin, now - 61 * MINUTE_MS))
        nothing_happens(person, b"erase", [SAME, FORM], made["old"].sign(uuid, b"https://shop.example", now))
        assert person.sends(b"erase", token=made["old"].sign(uuid, origin, now)).status == 200


BODIES: list[tuple[Fields, bytes, int]] = [
    ([SAME, (b"content-type", b"text/plain")], b"token=x", 415),
    ([SAME, (b"content-type", b"multipart/form-data; boundary=x")], b"--x--", 415),
    ([SAME, (b"content-type", b"application/json")], b"{}", 415),
    ([SAME], b"token=x", 415),
    ([SAME, FORM], b"token=" + b"x" * FORM_BYTES, 413),
    ([SAME, FORM], b"&".join(b"a=1" for _ in range(50)), 400),
    ([SAME, FORM], b"token=\xff\xfe", 400),
    ([SAME, FORM], b"", 403),
]


@pytest.mark.parametrize(("fields", "body", "status"), BODIES)
@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_no_form_of_ours_is_refused_in_plain_words(victim, action, fields, body, status):
    answer = victim.ask(b"POST", PRIVACY + b"/" + action, fields, body)
    assert answer.status == status and "Nothing was changed" in Shown(answer).words
    assert answer.all(b"set-cookie") == []


def test_no_answer_is_for_another_origin_to_read(victim):
    for method, path in ((b"GET", b""), (b"GET", b"/erase"), (b"OPTIONS", b""), (b"OPTIONS", b"/erase")):
        answer = victim.ask(method, PRIVACY + path, [(b"origin", b"https://evil.example")])
        assert not [name for name, _ in answer.fields if name.startswith(b"access-control-")]
        assert answer.status == (405 if method == b"OPTIONS" else 200)
    assert sorted((answer.get(b"allow") or b"").split(b", ")) == [b"GET", b"HEAD", b"POST"]
