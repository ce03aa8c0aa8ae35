"""A damaged file, page by page: the writer goes on, or says at once that it is damaged, and nothing else happens."""

import random
import re
from pathlib import Path

import pytest
from stories import MINUTE, Engine, confirm, page, sqlite, sweep, visit

from proxy.store.base import Item, StoreDamaged, StoreUnusable
from proxy.store.sqlite.connection import ADVICE

PAGE_BYTES = 4_096
SEED = 5


def some(names: str, since: int) -> list[Item]:
    """Visits of forty visitors who know the site, their confirmations, and a sweep."""
    visits: list[Item] = [
        visit(f"{names}{n}", f"V{n % 40}", since + n, path=f"/p{n % 30}", came_back=since > 0) for n in range(100)
    ]
    shown: list[Item] = [
        confirm(f"C{names}{n}", page(f"{names}{n}"), f"V{n % 40}", since + n + 5, path=f"/p{n % 30}", title=f"T{n}")
        for n in range(0, 100, 3)
    ]
    return [*visits, *shown, sweep(since)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    engine = sqlite(tmp_path_factory.mktemp("whole") / "store.db")
    for number in range(10):
        engine.append(*some(f"{number}P", number * MINUTE))
    engine.close()
    return engine.place.read_bytes()


def goes_on(engine: Engine) -> bool:
    """Whether the store took a batch of everything; False where it said that it is damaged."""
    try:
        with engine.writer() as writer:
            writer.append(some("Q", 20 * MINUTE))
        return True
    except StoreDamaged as error:
        assert re.fullmatch(rf".*/store\.db: [^\n]+; {ADVICE}", str(error)), error
        return False
    except StoreUnusable as error:  # of what the file's first page says of whose it is, a bit may be all that changes
        assert re.search("another program|a newer footfall", str(error)), error
        return False


def move_away(place: Path) -> None:
    for end in ("", "-wal", "-shm"):
        place.with_name(f"{place.name}{end}").unlink(missing_ok=True)


@pytest.mark.parametrize("kind", ["zeros", "noise", "bits"])
def test_any_page_may_be_spoilt(tmp_path, whole, kind):
    source, engine, said = random.Random(SEED), sqlite(tmp_path / "store.db"), 0
    pages = range(len(whole) // PAGE_BYTES)
    assert len(pages) > 30
    for number in pages:
        spoilt = bytearray(whole)
        here = slice(number * PAGE_BYTES, (number + 1) * PAGE_BYTES)
        if kind == "bits":
            for at in source.choices(range(here.start, here.stop), k=8):
                spoilt[at] ^= 1 << source.randrange(8)
        else:
            spoilt[here] = bytes(PAGE_BYTES) if kind == "zeros" else source.randbytes(PAGE_BYTES)
        move_away(engine.place)
        engine.place.write_bytes(spoilt)
        said += not goes_on(engine)
    assert said > 2  # what is spoilt may be what nothing of the batch reads
    move_away(engine.place)
    assert goes_on(engine)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_damaged(tmp_path, whole, cut):
    engine = sqlite(tmp_path / "store.db")
    engine.place.write_bytes(whole[: int(len(whole) * cut)])
    assert not goes_on(engine)
