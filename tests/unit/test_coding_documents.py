"""E1 over the hostile documents and a thousand generated ones, in all four codings, however they are cut: one tag and
every other byte the same, or untouched."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from codings import JOINING, NAMES, bytewise, cut, make_injector, make_recoder, recode, splits, unpack, upstream
from codings import TAG as SHORT_TAG
from hypothesis import given, settings
from hypothesis import strategies as st
from taken import some
from test_injector import bytes_like_markup, documents, run

CASES = json.loads((Path(__file__).parents[1] / "data" / "html_cases.json").read_text("utf-8"))["cases"]


def packed(name: str, document: bytes, flushes: list[int], streams: list[int]) -> bytes:
    """A body as an upstream may send it: flushed at some places, begun anew at others where the coding allows it."""
    body, encoder = b"", upstream(name)
    parts = cut(document, [*flushes, *streams])
    places = sorted(min(place, len(document)) for place in [*flushes, *streams])
    for part, place in zip(parts, [*places, None], strict=True):
        body += encoder.feed(part)
        if place is None:
            body += encoder.flush()
        elif place in streams and name in JOINING:
            body += encoder.flush()
            encoder = upstream(name)
        else:
            body += encoder.sync()
    return body


def judge(name: str, document: bytes, chunks: list[bytes], *, declared: bool) -> bool:
    """Whether the tag is in; everything else is as it has to be."""
    expected = run(make_injector(declared=declared), [document])
    assert unpack(name, recode(make_recoder(name, declared=declared), chunks)) == expected
    tagged = expected != document
    assert expected.count(SHORT_TAG) == tagged
    assert expected.replace(SHORT_TAG, b"", 1) == document
    return tagged


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_e1_every_hostile_document_in_every_coding_however_it_is_cut(name: str, case: dict[str, Any]) -> None:
    document = case["html"].encode()
    declared = not case["name"].startswith("nocs-")
    pick = random.Random(case["name"])
    whole = packed(name, document, [], [])
    for chunks in splits(whole):
        assert judge(name, document, chunks, declared=declared) == case["inject"]
    for _ in range(20):
        places = [pick.randrange(len(document) + 1) for _ in range(4)]
        body = packed(name, document, places[:2], places[2:])
        for chunks in ([body], bytewise(body), cut(body, [pick.randrange(len(body)) for _ in range(5)])):
            assert judge(name, document, chunks, declared=declared) == case["inject"]


PLACES = st.lists(st.integers(0, 150), max_size=3)


@settings(max_examples=some(1000))
@given(
    document=documents | bytes_like_markup,
    declared=st.booleans(),
    flushes=PLACES,
    streams=PLACES,
    cuts=st.lists(st.integers(0, 250), max_size=6),
)
def test_e1_a_thousand_documents_in_every_coding_however_they_are_cut(
    document: bytes, declared: bool, flushes: list[int], streams: list[int], cuts: list[int]
) -> None:
    for name in NAMES:
        body = packed(name, document, flushes, streams)
        judge(name, document, cut(body, cuts), declared=declared)
