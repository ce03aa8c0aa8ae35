"""The server's own page.visit: what it says of a request and of the head of its answer (EVENTS.md sections 4, 5)."""

from dataclasses import dataclass, field

import pytest

from proxy.intake.visits import Cleaner, make_visit
from proxy.store.base import Visit
from proxy.visitors.lanes import Agents

DESK = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class Asked:
    method: str = "GET"
    scheme: str = "https"
    host: str = "shop.example"
    raw_path: bytes = b"/a"
    query: bytes = b""
    fields: dict[bytes, bytes] = field(default_factory=dict)


def seen(**asked: object) -> Visit:
    return make_visit(
        Asked(**asked),
        Cleaner(),
        Agents().read(DESK),
        random=b"r" * 10,
        uuid=b"u" * 16,
        cookie_came_back=False,
        now_ms=1_790_000_000_000,
        status=404,
        upstream_ms=7,
    )


@pytest.mark.parametrize(("method", "more"), [("GET", {}), ("POST", {"method": "POST"})])
def test_a_navigation_says_how_it_was_answered_and_how_soon_and_that_it_was_a_post_if_it_was(method, more):
    visit = seen(method=method)
    assert dict(visit.facts) == {"nav": "navigate", "status": 404, **more} and visit.upstream_ms == 7


def test_its_address_names_no_secret_and_its_campaign_is_read():
    visit = seen(query=b"token=hunter2&utm_source=news&sid=hunter2&card=4111111111111111")
    assert visit.uri == "https://shop.example/a?token=removed&utm_source=news&sid=removed&card=removed"
    assert dict(visit.facts)["utm_source"] == dict(visit.session_facts)["utm_source"] == "news"
    assert "hunter2" not in repr(visit) and "4111" not in repr(visit)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"https://ann:hunter2@x.example/a?b=1&session=hunter2#hunter2", "https://x.example/a?b=1&session=removed"),
        (b"about:blank", None),
        (b"", None),
    ],
)
def test_where_the_visitor_came_from_is_cleaned(sent, kept):
    assert seen(fields={b"referer": sent}).referrer == kept


def test_no_other_field_of_a_request_is_in_it():
    fields = (b"cookie", b"authorization", b"x-forwarded-for", b"proxy-authorization", b"x-api-key")
    visit = seen(fields=dict.fromkeys(fields, b"hunter2 192.0.2.7"))
    assert "hunter2" not in repr(visit) and "192.0.2.7" not in repr(visit)
