"""The usual head: whatever it answers is what the injector would have answered."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taken import some

from proxy.page.injector import Injector
from proxy.page.usual import usual_place

CASES = json.loads((Path(__file__).parents[1] / "data" / "html_cases.json").read_text("utf-8"))["cases"]
TAG = b"<script async src=/t></script>"
PIECES = (
    *("<!doctype html>", "<!DOCTYPE html>", "<html>", '<html lang="en">', "<html amp>", "<head>", "<HEAD>"),
    *("\n", " ", "\x0b"),
    *('<meta charset="iso-2022-jp">', '<meta name="a" charset="utf-8">', '<meta charset="a" charset="utf-8">'),
    *('<meta charset="utf-8">', "<meta charset=utf-8>", '<meta name="a" content="b">', '<meta name="a" content="b" />'),
    *('<meta name="a" content="> <link x">', "<meta content='> <link x'>", '<meta content="<head>">', '<meta a="b" c>'),
    *('<meta http-equiv="content-security-policy" content="script-src x">', "<title>t</title>", "<title>a<b</title>"),
    *('<link rel="x">', "<script>1</script>", "<style>a{}</style>", "<base href=x>", "</head>", "<body>", "<linkx>"),
    *("<!-- c -->", "text", "<noscript>", "x" * 1_100, "<title>", "<p>", "<"),
)


def injected(document: bytes, *, declared: bool) -> int | None:
    """Where the injector puts the tag when it gets the whole document at once; None for nowhere."""
    injector = Injector(
        lambda policies: None if policies else TAG, charset_declared=declared, must_look_like_document=True
    )
    out = injector.feed(document)
    return out.index(TAG) if injector.injected else None


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_it_never_differs_from_the_injector(case, declared):
    document = case["html"].encode()
    place = usual_place(document, charset_declared=declared)
    assert place is None or place == injected(document, declared=declared)


@settings(max_examples=some(600), deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.booleans())
def test_it_never_differs_from_the_injector_on_made_up_heads(pieces, declared):
    document = "".join(["<!doctype html><html><head>", *pieces]).encode()
    place = usual_place(document, charset_declared=declared)
    assert place is None or place == injected(document, declared=declared)


def test_it_knows_a_usual_head():
    head = b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>A</title>\n'
    assert usual_place(head + b'<link rel="stylesheet" href="/s.css"></head>', charset_declared=False) == len(head)


@pytest.mark.parametrize("meta", ['<meta charset="iso-2022-jp">', '<meta name="a" charset="hz">', '<meta charset="">'])
def test_the_first_charset_in_a_head_is_the_one_that_counts(meta):
    head = f'<!doctype html><html><head>{meta}<meta charset="utf-8"><title>a</title>'.encode()
    page = head + b"<link>"
    assert usual_place(page, charset_declared=False) is None
    # Content-Type has declared it: no meta counts.
    assert usual_place(page, charset_declared=True) == len(head) == injected(page, declared=True)
