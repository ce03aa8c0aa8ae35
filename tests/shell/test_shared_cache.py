"""Varnish in front, as many sites have it: two visitors stay two, and nobody gets a page of somebody else's (C5, C6).

The default VCL caches what is cacheable and takes no part in this: what keeps pages apart are our response fields.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from whole import (
    FIREFOX,
    NAVIGATION,
    SUBRESOURCE,
    Serving,
    Visitor,
    answers,
    ended,
    event_of,
    free_port,
    serving,
    sites,
    stored,
    untagged,
)
from wire import Answer, eventually

VARNISHD = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(VARNISHD is None, reason="varnish is not installed")
START_SECONDS = 30.0
"""It compiles its configuration with the C compiler."""


@dataclass
class Cache:
    port: int
    serving: Serving

    def visitor(self) -> Visitor:
        return Visitor(self.port)


@contextlib.contextmanager
def varnish(where: Path, backend: int) -> Iterator[int]:
    where.mkdir()
    port = free_port()
    log = where / "varnishd.log"
    with log.open("w") as file:
        # -j none: no change of user, so that its folder may be ours; -T none: no remote control
        command = [str(VARNISHD), "-F", "-j", "none", "-n", str(where / "n"), "-T", "none", "-s", "malloc,16m"]
        command += ["-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{backend}"]
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True)
    try:
        eventually(lambda: answers(port) or process.poll() is not None, START_SECONDS)
        assert process.poll() is None and answers(port), log.read_text()
        yield port
    finally:
        ended(process)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with sites() as upstream, serving(tmp_path, upstream, store__hold_ms="10000") as served:  # noqa: SIM117
        with varnish(tmp_path / "varnish", served.port) as port:
            yield Cache(port, served)


def was_cached(answer: Answer) -> bool:
    """X-Varnish names a second transaction where the answer is an older one's."""
    return len(answer.all(b"x-varnish")[0].split()) == 2


def page_of(answer: Answer) -> bytes:
    _, page_id = untagged(answer.body)
    assert page_id is not None, (answer.status, answer.fields)
    return page_id


def test_c5_two_visitors_behind_a_shared_cache_stay_two(cache: Cache) -> None:
    visitors = [cache.visitor() for _ in range(3)]
    ids: list[bytes] = []
    for visitor in visitors:
        answer = visitor.navigate(b"/page")
        assert not was_cached(answer)
        assert b"private" in answer.all(b"cache-control")[0] and b"public" not in answer.all(b"cache-control")[0]
        ids.append(page_of(answer))
    for visitor in visitors:
        for _ in range(2):
            answer = visitor.navigate(b"/page")
            assert not was_cached(answer)
            ids.append(page_of(answer))
    assert len({visitor.cookies[b"footfall"] for visitor in visitors}) == 3
    assert len(set(ids)) == 9
    visits = stored(cache.serving.store, "page.visit")
    assert [visit["id"] for visit in visits] == [event_of(one, cache.serving.where) for one in ids]
    uuids = [visit["uuid"] for visit in visits]
    assert uuids[:3] == [uuids[3], uuids[5], uuids[7]] and len(set(uuids)) == 3


def test_the_cache_still_does_its_work_for_everything_that_is_no_page(cache: Cache) -> None:
    first, second = (cache.visitor().load(b"/style.css") for _ in range(2))
    assert not was_cached(first) and was_cached(second)
    assert first.body == second.body
    assert first.all(b"cache-control") == [b"public, max-age=600"]
    assert first.all(b"set-cookie") == second.all(b"set-cookie") == []


CRAWLER = [(b"User-Agent", b"Googlebot/2.1 (+http://www.google.com/bot.html)"), (b"Accept", b"text/html")]
OPTED_OUT = [*NAVIGATION, (b"Sec-GPC", b"1")]
PREFETCH = [*NAVIGATION, (b"Sec-Purpose", b"prefetch")]
FRAME = [pair if pair[0] != b"Sec-Fetch-Dest" else (pair[0], b"iframe") for pair in NAVIGATION]
BY_SCRIPT = [FIREFOX, (b"Accept", b"*/*"), (b"X-Requested-With", b"XMLHttpRequest")]
PLAIN_CLIENT = [FIREFOX, (b"Accept", b"*/*")]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(CRAWLER, id="crawler"),
        pytest.param(OPTED_OUT, id="opted out"),
        pytest.param(PREFETCH, id="prefetch"),
        pytest.param(SUBRESOURCE, id="fragment"),
        pytest.param(FRAME, id="frame"),
        pytest.param(BY_SCRIPT, id="by script"),
        pytest.param(PLAIN_CLIENT, id="plain client"),
    ],
)
def test_c5_an_untagged_copy_never_stands_in_for_a_page(cache: Cache, before: list[tuple[bytes, bytes]]) -> None:
    """Whoever asks first: the next visitor's page is their own."""
    assert cache.visitor().ask(b"GET", b"/page", before).status == 200
    visitor = cache.visitor()
    answer = visitor.navigate(b"/page")
    assert not was_cached(answer)
    page_of(answer)
    assert b"footfall" in visitor.cookies


def test_c5_a_head_is_as_private_as_its_page(cache: Cache) -> None:
    """Varnish makes a GET of it for itself, and would keep that."""
    head = cache.visitor().ask(b"HEAD", b"/page", NAVIGATION)
    assert head.status == 200 and b"private" in head.all(b"cache-control")[0]
    answer = cache.visitor().navigate(b"/page")
    assert not was_cached(answer)
    page_of(answer)
