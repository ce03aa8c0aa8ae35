"""`tracking.ip`: which network a session came from, where its owner wants to know, and nothing of it where not."""

import contextlib
import json
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from privacies import Person
from shops import SAME, TAG, TEXT, Shop, event, site, told
from wire import eventually, serving

from proxy.app import Footfall
from proxy.config import Config, ConfigError, load
from proxy.http.gate import Gate
from proxy.intake.recorder import Recorder
from proxy.intake.writing import WritingThread
from proxy.page.paths import Globs
from proxy.store.base import Forget
from proxy.store.sqlite.writer import SqliteWriter
from proxy.tables import Limits, Tracking
from proxy.tracking import settings
from proxy.visitors.cookie import CookieSigner, Key
from proxy.visitors.erased import Erased
from proxy.visitors.ids import PageIds, parse_uuid
from proxy.visitors.sessions import Rules

PEER = "127.0.0.0/24"
"""Whoever connects to the tests' server."""
CONFIG = Config(
    base=Path(), tracking=Tracking(ip="masked"), limits=Limits(visitor_events_per_second=0, address_events_per_second=0)
)


@contextlib.contextmanager
def behind(config: Config, *trusted: str) -> Any:
    """The shop behind a gate that believes these."""
    footfall = Footfall(site, config)
    networks = tuple(map(ip_network, trusted))
    gate = Gate(
        footfall,
        prefix=b"/_footfall",
        via_token=b"t",
        trusted_proxies=networks,
        refused=footfall.count_refused,
    )
    with serving(gate) as served:
        yield Shop(served, config)


def starts(there: Shop) -> list[object]:
    return [row["params"].get("ip") for row in there.rows("session.start")]


def visited(there: Shop, *fields: tuple[bytes, bytes]) -> list[object]:
    head = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
    assert there.request(b"GET", b"/", [*head, *fields]).status == 200
    assert eventually(lambda: starts(there))
    return starts(there)


FORWARDED = [
    ((), [], PEER),
    ((), [b"203.0.113.9"], PEER),
    (("10.0.0.0/8",), [b"203.0.113.9"], PEER),
    (("127.0.0.1/32",), [], PEER),
    (("127.0.0.1/32",), [b"203.0.113.9"], "203.0.113.0/24"),
    (("127.0.0.1/32",), [b"198.51.100.7, 203.0.113.9"], "203.0.113.0/24"),
    (("127.0.0.1/32",), [b"198.51.100.7", b"203.0.113.9"], "203.0.113.0/24"),
    (("127.0.0.1/32", "203.0.113.0/24"), [b"198.51.100.7, 203.0.113.9"], "198.51.100.0/24"),
    (("127.0.0.1/32",), [b"2001:db8:1:2::3"], "2001:db8:1::/48"),
    (("127.0.0.1/32",), [b"::ffff:203.0.113.9"], "203.0.113.0/24"),
    (("127.0.0.1/32",), [b"unknown"], PEER),
]


@pytest.mark.parametrize(("trusted", "forwarded", "ip"), FORWARDED)
def test_a_session_says_from_which_network_it_came_as_far_as_that_can_be_believed(tmp_path, trusted, forwarded, ip):
    with behind(replace(CONFIG, base=tmp_path), *trusted) as there:
        assert visited(there, *((b"x-forwarded-for", value) for value in forwarded)) == [ip]
        assert not [row for row in there.rows(None) if row["action"] != "session.start" and "ip" in row["params"]]


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path):
    assert Config(base=tmp_path).tracking.ip == "none"
    with behind(replace(CONFIG, base=tmp_path, tracking=Tracking()), "127.0.0.1/32") as there:
        assert visited(there, (b"x-forwarded-for", b"203.0.113.9")) == [None]
    assert b"203.0.113" not in b"".join(file.read_bytes() for file in tmp_path.glob("footfall.db*"))
    path = tmp_path / "config.toml"
    path.write_text("[tracking]\nip = 'whole'\n")
    with pytest.raises(ConfigError, match=r"tracking\.ip: must be 'none' or 'masked'"):
        load(path, {}, {})


@pytest.mark.parametrize("client", [None, ("", 0), ("/run/x.sock", 0)])
def test_who_comes_by_a_unix_socket_has_no_address(client):
    recorder = Recorder(
        partial(WritingThread, lambda: None), clock_ms=lambda: 0, queue_events=1, hold_ms=1
    )  # never started
    key = Key(1, b"s" * 32)
    tracking = settings.Tracking(
        recorder,
        CookieSigner((key,)),
        PageIds((key.secret,)),
        lambda: 0,
        settings.Sites(b"/_footfall", b"/_footfall/t.js?v=1"),
        public_origin="",
        exclude=Globs(()),
        ip=True,
    )
    assert tracking.network({"client": client} if client else {}) == ""
    assert tracking.network({"client": ("203.0.113.9", 1)}) == "203.0.113.0/24"


def test_a_session_that_only_a_browser_tells_of_says_it_too_and_a_browser_cannot(tmp_path):
    forwarded = (b"x-forwarded-for", b"203.0.113.9")
    with behind(replace(CONFIG, base=tmp_path), "127.0.0.1/32") as there:
        head = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
        answer = there.request(b"GET", b"/", [*head, (b"sec-purpose", b"prefetch")])
        found = TAG.search(answer.body)
        assert found and starts(there) == []
        page = found[1].decode("ascii")
        answer = there.confirm(page, (SAME, TEXT, forwarded))
        there.cookie = (answer.get(b"set-cookie") or b"").partition(b";")[0]
        assert starts(there) == ["203.0.113.0/24"]
        made = event("page.visit", uri="http://shop.example/b", ip="198.51.100.7")
        warnings = told(there.does(page, made))["warnings"]
        assert {"index": 0, "code": "reserved_param", "field": "ip"} in warnings
        assert b"198.51.100" not in b"".join(file.read_bytes() for file in tmp_path.glob("footfall.db*"))


def test_whoever_it_is_about_sees_it_and_takes_it_along_and_it_goes_with_them(tmp_path):
    with behind(replace(CONFIG, base=tmp_path), "127.0.0.1/32") as there:
        person = Person(there, [(b"x-forwarded-for", b"203.0.113.9")])
        uuid = person.visits()
        shown = person.opens()
        assert "from the network 203.0.113.0/24" in shown.words
        assert "Your whole network (IP) address. With each session only its beginning is kept" in shown.words
        assert "203.0.113.0/24" in json.dumps(there.rows("session.start"))
    writer = SqliteWriter(there.config.store_path, durability="process", rules=Rules(), erased=Erased((b"s" * 32,)))
    with contextlib.closing(writer):
        raw = parse_uuid(uuid)
        assert raw is not None
        (receipt,) = writer.append([Forget(raw, 1)])
    assert receipt.is_known and receipt.is_flushed
    assert b"203.0.113" not in b"".join(file.read_bytes() for file in tmp_path.glob("footfall.db*"))


def test_where_it_is_not_kept_the_visitors_page_says_so(tmp_path):
    with behind(replace(CONFIG, base=tmp_path, tracking=Tracking())) as there:
        person = Person(there)
        person.visits()
        shown = person.opens()
        assert "Your network (IP) address." in shown.words and "from the network" not in shown.words
