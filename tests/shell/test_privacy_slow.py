"""Erasing where the store hangs, is full or fails: said in plain words, in time, and nothing is said that is not so."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from privacies import FORM, SAME, Shown
from starlette.requests import Request
from test_collector import HastyLoop, Stuck
from wire import Answer

from proxy.app import tracker_of, tracking_of
from proxy.clock import now_ms
from proxy.config import Config
from proxy.intake.recorder import Recorder
from proxy.intake.writing import WritingThread
from proxy.privacy.late import LatePage
from proxy.privacy.page import ERASE_SECONDS
from proxy.store.base import Item, Result, Writer
from proxy.visitorpage import privacy_of
from proxy.visitors.cookie import Key
from proxy.visitors.erased import Erased
from proxy.visitors.formtokens import FormTokens

SECRET = b"s" * 32
KEYS = (Key(1, SECRET),)
ANN = b"a" * 16
ERASE = "/_footfall/privacy/erase"


class Failing(Stuck):
    """A store that has no answer."""

    def append(self, batch: Sequence[Item]) -> list[Result]:
        return [None for _ in batch]


async def erase(recorder: Recorder, base: Path) -> Answer:
    """Ann's form, with the box ticked, through ASGI."""
    config = replace(Config(), base=base)
    tracking = tracking_of(config, KEYS, Erased((SECRET,)), recorder, tracker_of(config), now_ms)
    page = LatePage(privacy_of(config, KEYS, tracking).answers)
    [route] = [route for route in page.routes("/_footfall") if route.path == ERASE]
    now = now_ms()
    cookie = b"footfall=" + tracking.cookies.value(ANN, now // 86_400_000)
    token = FormTokens((SECRET,)).sign(ANN, b"http://shop.example", now)
    body = f"token={token}&stop=1".encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    agent = (b"user-agent", b"Mozilla/5.0 Firefox/140.0")
    headers = [(b"host", b"shop.example"), (b"cookie", cookie), agent, SAME, FORM]
    scope = {"type": "http", "method": "POST", "path": ERASE, "headers": headers, "query_string": b"", "scheme": "http"}
    answer = await route.endpoint(Request(scope, receive))
    return Answer(answer.status_code, list(answer.raw_headers), bytes(answer.body))


def run(store: Writer, base: Path, queue_events: int = 100, *, hasty: bool = False) -> tuple[Answer, float]:
    """The answer, and after how many seconds of its loop's clock it came. `hasty`: that does not wait for a timer."""
    with asyncio.Runner(loop_factory=HastyLoop if hasty else None) as runner:
        loop = runner.get_loop()
        recorder = Recorder(
            partial(WritingThread, lambda: store), clock_ms=now_ms, queue_events=queue_events, hold_ms=250
        )

        async def story() -> Answer:
            recorder.start()
            return await erase(recorder, base)

        begun = loop.time()
        answer = runner.run(story())
        took = loop.time() - begun
        if isinstance(store, Stuck):
            store.open.set()
        runner.run(recorder.stop(5))
    return answer, took


def test_where_it_takes_long_it_goes_on_and_the_browser_keeps_what_it_can_ask_with(tmp_path):
    answer, took = run(Stuck(), tmp_path, hasty=True)
    assert answer.status == 503 and Shown(answer).heading == "It takes a while"
    assert answer.get(b"retry-after") and ERASE_SECONDS <= took < ERASE_SECONDS + 1
    [only] = answer.all(b"set-cookie")
    assert only.startswith(b"footfall_consent=out;")


@pytest.mark.parametrize(("store", "queue_events"), [(Stuck(), 0), (Failing(), 100)], ids=["full", "failing"])
def test_where_nothing_was_erased_nothing_else_is_changed_either(tmp_path, store, queue_events):
    answer, _ = run(store, tmp_path, queue_events)
    shown = Shown(answer)
    assert answer.status == 503 and shown.heading == "It could not be erased now"
    assert "Nothing was erased" in shown.words and answer.all(b"set-cookie") == [] and answer.get(b"retry-after")
