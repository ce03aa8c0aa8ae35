"""What is stored of requests and messages is what the contract lists: nothing else of a request, and of a message
nothing that only the server says (EVENTS.md sections 1 and 5)."""

import json
import logging
from uuid import uuid4

import pytest
from shops import SAME, TEXT, event, shop, told
from wire import eventually

from proxy.config import Config
from proxy.tables import Limits

SECRET = "hunter2-correct-horse"
NAVIGATION = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
FORM = (b"content-type", b"application/x-www-form-urlencoded")


@pytest.fixture
def there(tmp_path):
    with shop(Config(base=tmp_path, limits=Limits(visitor_events_per_second=0, address_events_per_second=0))) as made:
        yield made


def test_cookies_authorization_and_bodies_are_in_no_file_and_no_line_of_the_log(there, caplog):
    caplog.set_level(logging.DEBUG)
    secret = SECRET.encode()
    fields = [
        *NAVIGATION,
        (b"cookie", b"account=" + secret),
        (b"authorization", b"Basic " + secret),
        (b"proxy-authorization", b"Bearer " + secret),
        (b"x-api-key", secret),
        (b"referer", b"https://ann:" + secret + b"@x.example/?session=" + secret),
    ]
    page, answer = there.navigate()
    there.cookie = answer.get(b"set-cookie").partition(b";")[0]
    assert there.confirm(page, title="Shop", uri=f"http://shop.example/?sid={SECRET}").status == 202
    there.request(b"GET", b"/seen?sig=" + secret, fields)
    there.request(b"POST", b"/order", [*fields, FORM], b"note=" + secret)
    sent = event("link.click", name="Buy", href=f"https://{SECRET}@x.example/?token={SECRET}")
    assert there.does(page, sent, fields=[SAME, TEXT, *fields[3:]]).status == 202
    broken = there.post(b'{"v": 1, "events": [{"value": "%b"' % secret)
    assert broken.status == 400 and secret not in broken.body
    assert eventually(lambda: len(there.rows()) == 3)
    assert [row["params"].get("method") for row in there.rows()] == [None, None, "POST"]
    held = b"".join(path.read_bytes() for path in there.config.base.iterdir() if path.is_file())
    assert b"/order" in held and secret not in held
    assert SECRET not in caplog.text and SECRET not in json.dumps(there.rows(None))


def test_what_only_the_server_says_is_not_taken_from_a_message(there):
    page, _ = there.navigate()
    (visit,) = there.rows()
    other = str(uuid4())
    claimed = {"uuid": other, "session": other, "page": other, "lane": "bot", "seq": 1, "label": "Won a prize"}
    claimed |= {"time": 5, "received": 5, "undefined": ["name"], "opens": True, "retention_days": 1}
    sent = {**event("link.click", name="Buy"), **claimed}
    assert told(there.does(page, sent, uuid=other, session=other, client={"uuid": other}))["accepted"] == 1
    (click,) = there.rows("link.click")
    assert [click[key] for key in ("uuid", "session", "page")] == [visit[key] for key in ("uuid", "session", "page")]
    assert (click["label"], click["lane"], click["params"]) == ("Clicked Buy", "person", {"name": "Buy"})
    assert click["time"] >= visit["time"] and click["received"] >= visit["received"] and "undefined" not in click
    assert {row["uuid"] for row in there.rows(None)} == {visit["uuid"]}
