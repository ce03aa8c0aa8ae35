"""Fixtures of the unit tests."""

from collections.abc import Iterator

import pytest
from stories import ENGINES, Engine


@pytest.fixture(params=sorted(ENGINES))
def engine(request, tmp_path) -> Iterator[Engine]:
    """An empty store of each engine; the conformance suite (test_store_*.py) runs over all of them."""
    made = ENGINES[request.param](tmp_path / "store.db")
    yield made
    made.close()
