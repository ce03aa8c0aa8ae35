"""The machine's clock an hour back, while it runs and between two runs: nobody is lost, everything is kept once.

Through real requests, with a clock of the test's. What happens in the hour that comes twice is told by its own times.
"""

import json
from pathlib import Path
from uuid import uuid4

import pytest
import reports  # noqa: F401  (knows where the stores' stories are)
from stories import check_promises, sqlite
from test_idle import HOUR_MS, MINUTE_MS, SECOND_MS, TIMEOUT_MS, Clock, footfall
from whole import FIREFOX, Visitor, integrity, stored, untagged

from proxy.config import Config

FIELDS = [FIREFOX, (b"Content-Type", b"text/plain;charset=UTF-8"), (b"Sec-Fetch-Site", b"same-origin")]


def show(visitor: Visitor, target: bytes) -> bytes:
    """A page, and its id."""
    answer = visitor.navigate(target)
    page_id = untagged(answer.body)[1]
    assert answer.status == 200 and answer.whole and page_id is not None
    return page_id


def tell(visitor: Visitor, page_id: bytes, target: str) -> None:
    """The page is confirmed, and something on it is clicked: all of it taken."""
    showing = {"id": str(uuid4()), "uri": f"http://shop.example{target}", "title": "A", "nav": "navigate"}
    event = {"id": str(uuid4()), "view": showing["id"], "action": "button.click", "ago": 300, "params": {"name": "Buy"}}
    body = json.dumps({"v": 1, "page": page_id.decode(), "confirm": showing, "events": [event]})
    answer = visitor.ask(b"POST", b"/_footfall/events", FIELDS, body.encode())
    assert answer.status == 202 and json.loads(answer.body)["accepted"] == 1, answer.body


def kept(config: Config, visits: int, clicks: int) -> None:
    assert integrity(config.store_path) == "ok"
    check_promises(sqlite(config.store_path))
    assert len(stored(config.store_path, "page.visit")) == visits
    assert len(stored(config.store_path, "button.click")) == clicks
    starts, ends = (stored(config.store_path, action) for action in ("session.start", "session.end"))
    assert {start["session"] for start in starts} >= {end["session"] for end in ends}


@pytest.mark.parametrize("back", [HOUR_MS, TIMEOUT_MS // 2], ids=["an hour", "a quarter"])
def test_while_it_runs(tmp_path: Path, back: int) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as visitor:
        first = show(visitor, b"/first")
        clock.now += 2 * SECOND_MS
        clock.now -= back
        tell(visitor, first, "/first")  # of a page that is still to come
        other = Visitor(visitor.port)
        for walker, target in ((visitor, "/second"), (other, "/other"), (other, "/more")):
            tell(walker, show(walker, target.encode()), target)
            clock.now += MINUTE_MS
        clock.now += back
        tell(visitor, show(visitor, b"/third"), "/third")
        other.close()
    kept(config, visits=5, clicks=5)
    visits = stored(config.store_path, "page.visit")
    assert len({visit["uuid"] for visit in visits}) == 2
    assert {visit["lane"] for visit in visits} == {"person"}
    clock.now += 2 * HOUR_MS
    with footfall(config, clock):
        pass
    kept(config, visits=5, clicks=5)
    assert len(stored(config.store_path, "session.end")) == len(stored(config.store_path, "session.start"))


def test_between_two_runs(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as visitor:
        tell(visitor, show(visitor, b"/first"), "/first")
    clock.now -= HOUR_MS
    with footfall(config, clock) as again:
        again.cookies = visitor.cookies
        tell(again, show(again, b"/second"), "/second")
        assert stored(config.store_path, "session.end") == []  # nothing of the future is overdue
    kept(config, visits=2, clicks=2)
    assert len({visit["uuid"] for visit in stored(config.store_path, "page.visit")}) == 1
    clock.now += 3 * HOUR_MS
    with footfall(config, clock):
        pass
    kept(config, visits=2, clicks=2)
    assert len(stored(config.store_path, "session.end")) == len(stored(config.store_path, "session.start"))
