"""Fixtures of the unit tests."""

import pytest
from stories import ENGINES, Engine


@pytest.fixture(params=sorted(ENGINES))
def engine(request, tmp_path) -> Engine:
    """An empty store of each engine; the conformance suite (test_store_*.py) runs over all of them."""
    return ENGINES[request.param](tmp_path / "store.db")
