"""The injector against html5lib: one tag, in the head, and the tree without it is the tree of the original."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.dom.minidom import Element, Node

import html5lib  # type: ignore[import-untyped]
import pytest
from bs4 import BeautifulSoup
from html5lib._inputstream import EncodingParser  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st
from taken import some

from proxy.page import injector as rules
from proxy.page.injector import Injector
from proxy.page.spans import MAX_TOKEN_BYTES

TAG = (
    b'<script async src="/_footfall/t.js?v=1a2b3c4d" data-page="0123456789012345678901234567890123456789012"></script>'
)
CASES = json.loads((Path(__file__).parents[1] / "data" / "html_cases.json").read_text("utf-8"))["cases"]
KIB = 1024


def make_injector(*, charset_declared: bool = True, sniff: bool = False, tag: bytes | None = TAG) -> Injector:
    return Injector(lambda _policies: tag, charset_declared=charset_declared, must_look_like_document=sniff)


def run(injector: Injector, chunks: Iterable[bytes]) -> bytes:
    return b"".join([*(injector.feed(chunk) for chunk in chunks), injector.flush()])


def cut(document: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(document)]
    return [document[a:b] for a, b in pairwise(edges)]


Outline = tuple[str, list[tuple[str, str]], str, list["Outline"]]


def outline(node: Node) -> Outline:
    """(name, attributes, text, children); names of attributes may be any, so it is not written as XML."""
    attributes = sorted(node.attributes.items()) if isinstance(node, Element) else []
    return node.nodeName or "", attributes, node.nodeValue or "", [outline(child) for child in node.childNodes]


def tree(document: bytes, *, scripting: bool) -> tuple[Outline, str, list[str]]:
    """(tree without our tag, quirks mode, parents of our tag), as html5lib reads the document."""
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("dom"), namespaceHTMLElements=False)
    # One character a byte: the judge shall not guess a charset, and a mark is none of the text.
    dom = parser.parse(document.removeprefix(b"\xef\xbb\xbf").decode("latin-1"), scripting=scripting)
    ours = [node for node in dom.getElementsByTagName("script") if node.hasAttribute("data-page")]
    parents = [node.parentNode.tagName for node in ours]
    for node in ours:
        node.parentNode.removeChild(node)
    dom.normalize()
    return outline(dom), parser.compatMode, parents


def judge(document: bytes, output: bytes, *, injected: bool) -> None:
    if not injected:
        assert output == document
        return
    assert output.count(TAG) == 1
    assert output.replace(TAG, b"", 1) == document
    # Without scripting, <noscript> is read in another way, and nothing of ours would run.
    for scripting in (True, False) if b"noscript" not in document.lower() else (True,):
        before, before_mode, _ = tree(document, scripting=scripting)
        after, after_mode, parents = tree(output, scripting=scripting)
        assert parents == ["head"]
        assert (after, after_mode) == (before, before_mode)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_document_at_every_split_point(case: dict[str, Any]) -> None:
    document = case["html"].encode()
    declared = not case["name"].startswith("nocs-")
    whole = make_injector(charset_declared=declared)
    output = run(whole, [document])
    assert whole.injected == case["inject"]
    judge(document, output, injected=whole.injected)
    splits = [cut(document, [place]) for place in range(len(document) + 1)]
    splits.append([document[place : place + 1] for place in range(len(document))])
    splits.append([b"", document, b""])
    for chunks in splits:
        injector = make_injector(charset_declared=declared)
        assert run(injector, chunks) == output, chunks
        assert injector.gave_up == whole.gave_up


def test_all_cases_are_there() -> None:
    assert len(CASES) == 45


@pytest.mark.parametrize("case", [case for case in CASES if case["name"].startswith("nocs-")], ids=lambda c: c["name"])
def test_prescan_finds_the_same_charset(case: dict[str, Any]) -> None:
    document = case["html"].encode()
    output = run(make_injector(charset_declared=False), [document])
    assert prescan(output) == prescan(document)


def prescan(document: bytes) -> str | None:
    encoding = EncodingParser(document[: rules.PRESCAN_BYTES]).getEncoding()
    return None if encoding is None else str(encoding.name)


# `@` marks the place; a document without one is left alone.
PLACES = {
    "nothing": "",
    "blanks only": " \n ",
    "comments only": "<!-- a --><!-- b -->",
    "stray end tags only": "</p></div>",
    "doctype only": "<!doctype html>@",
    "html only": "<html>@",
    "title at the end": "<title>a</title>@",
    "meta at the end": "<meta name=a>@",
    "bare text": "@hello",
    "upper-case head": "<HTML><HEAD><META CHARSET=UTF-8><TITLE>A</TITLE>@<LINK>",
    "blanks stay before the tag": "<head>\r\n\t @<link>",
    "title with markup": "<title><b>&lt;</titles></title >@<b>",
    "title with a slash": "<title/>a</title/>@b",
    "title end with attributes": "<title>a</title x='>'>@<link>",
    "title end cut short": "<title>a</title x='>",
    "comment with exclamation end": "<!-- a --!><head>@<p>",
    "comment that only looks closed": "<!--!> <head> --><html>@<p>",
    "comment of dashes": "<!------><head>@<p>",
    "comment closed by an exclamation after dashes": "<!----!><head>@<p>",
    "comment not closed by three dashes and an exclamation": "<!---!><head> --><html>@<p>",
    "bogus comment of one dash": "<!-><head>@<p>",
    "cdata": "<![CDATA[ a > <head>@<p>",
    "empty end tag": "</><head>@<p>",
    "question mark": "<?php a ?><head>@<p>",
    "end tag of br makes a head": "<html>@</br><head>",
    "end tag of html makes a head": "<html>@</html>",
    "end tag of body makes a head": "<!doctype html>@</body>",
    "end tag in head": "<head>@</p><meta charset=utf-8>",
    "end tag with attributes": "</p a='>'><html>@<p>",
    "second head": "<head>@<head><title>a</title>",
    "html twice": "<html lang=a><html dir=b>@<p>",
    "doctype late": "<html><!doctype html>@<p>",
    "base": "<head><title>a</title>@<base href=/>",
    "blank reference": "<!doctype html>&#32;&#x0A;&Tab;&NewLine;@a",
    "blank reference without semicolon": "<html>&#32@a",
    "reference that is text": "<html>@&#320;",
    "ampersand": "<html>@& a",
    "blank reference in head": "<head>@&#32;<link>",
    "amp class": "<html class='amp' lang=amp>@<p>",
    "amp4ads": "<html amp4ads><head>",
    "amp empty value": "<html AMP=''><head>",
    "amp in capitals": "<HTML AMP><HEAD>",
    "lightning with selector": "<html \u26a1\ufe0f><head>",
    "json": '{"a": "<head>"}',
    "json after blanks": " \n[1]",
    "brace after a tag": "<html>@{",
    "noscript": "<head>@<noscript><link></noscript>",
    "value without quotes": "<head><meta name=a/>@<p>",
    "value missing": "<head><meta name= >@<p>",
    "quote as a name": '<head><meta "a>@b"><p>',
    "equals after quote": "<head><meta a='b'='c>@<p>",
    "quote within a bare value": "<head><meta a=b'c>@'><p>",
    "usual": '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n<title>a</title>\n@<link>',
    "usual with amp": '<!DOCTYPE html>\n<html amp="" lang="en"><head></head>',
    "usual with a policy": '<html><head><meta name="a" content="b"><meta http-equiv="x" content="y">@<link>',
    "utf-8 mark": "\ufeff<!doctype html><html>@<p>",
    "utf-8 mark only": "\ufeff",
    "frameset": "<head>@</head><frameset>",
}


@pytest.mark.parametrize("name", PLACES)
def test_place_of_the_tag_at_every_split_point(name: str) -> None:
    marked = PLACES[name].encode()
    document = marked.replace(b"@", b"", 1)
    expected = marked.replace(b"@", TAG, 1)
    judge(document, expected, injected=b"@" in marked)
    splits = [cut(document, [place]) for place in range(len(document) + 1)]
    splits.append([document[place : place + 1] for place in range(len(document))])
    for chunks in splits:
        assert run(make_injector(), chunks) == expected, chunks


@pytest.mark.parametrize(
    "start", [b"\xfe\xff\x00<", b"\xff\xfe<\x00", b"<\x00!\x00", b"\x00<\x00!", b"\x00\x00\xfe\xff"], ids=repr
)
def test_wide_charsets_are_left_alone_at_every_split_point(start: bytes) -> None:
    document = start + b"<html><head></head>"
    for place in range(len(document) + 1):
        injector = make_injector()
        assert run(injector, cut(document, [place])) == document
        assert injector.gave_up == rules.GAVE_UP_CHARSET


def test_stateful_charset_is_left_alone_unless_the_header_overrides_it() -> None:
    document = b"<head><meta charset=iso-2022-jp><title>a</title><link>"
    assert run(make_injector(charset_declared=False), [document]) == document
    assert TAG in run(make_injector(charset_declared=True), [document])


# Charset not declared by the header. `@` marks the place.
UNDECLARED = {
    "declared at once": "<head><meta charset=utf-8>@<link>",
    "declared by content": "<head><meta http-equiv=Content-Type content='text/html;charset=\"UTF-8\"'>@<link>",
    "content without http-equiv": "<head><meta content='text/html;charset=utf-8'><link>@</head>",
    "unknown label": "<head><meta charset=nonsense><link><meta charset=gbk>@<link>",
    "link, style, noscript": "<head><link><style></styles><b></style><noscript></noscript><meta charset=utf-8>@<link>",
    "script": "<head><script>'</scripts>'</script ><meta charset=utf-8>@<link>",
    "escape that ends at once": "<script><!--></script><meta charset=utf-8>@<p>",
    "escape of one more dash": "<script><!---></script><meta charset=utf-8>@<p>",
    "escape with an end tag": "<script><!-- </script><meta charset=utf-8>@<p>",
    "two escapes": "<script><!-- <script> </script> </script><meta charset=utf-8>@<p>",
    "escape left": "<script><!-- <script> --> </script><meta charset=utf-8>@<p>",
    "no escape": "<script><script> </script><meta charset=utf-8>@<p>",
    "script never ends": "<head><script><!-- <script> </script><link>",
    "style never ends": "<head><style><link></styl",
    "head ends": "<head><link>@</head><meta charset=utf-8>",
    "text ends head": "<head><link>@a<meta charset=utf-8>",
    "base": "<head><link>@<base><meta charset=utf-8>",
    "stray tags": "<head></p><head><html a><!doctype html><meta charset=utf-8>@<link>",
    "implied head": "<!doctype html><link>@<p>",
    "past the prescan": "<head><link href='" + "x" * 1100 + "'>@<link><meta charset=utf-8>",
    "one short of it": "<head><link " + "x" * (1023 - 13) + "><link><meta charset=utf-8>@<link>",
    "byte order mark": "\ufeff<head>@<link>",
}


@pytest.mark.parametrize("name", UNDECLARED)
def test_no_charset_declaration_is_pushed_away(name: str) -> None:
    marked = UNDECLARED[name].encode()
    document = marked.replace(b"@", b"", 1)
    expected = marked.replace(b"@", TAG, 1)
    judge(document, expected, injected=b"@" in marked)
    for place in range(len(document) + 1):
        assert run(make_injector(charset_declared=False), cut(document, [place])) == expected
    assert run(make_injector(charset_declared=False), [bytes((byte,)) for byte in document]) == expected


@pytest.mark.parametrize("start", ["<!doctype html>a", "<html>a", "<head>a", "<body>", "<title>a</title>b", "<meta>a"])
def test_what_looks_like_a_document_is_tagged(start: str) -> None:
    for lead in ("", "\ufeff", " \n", "<!-- a -->", "<?xml version='1.0'?>"):
        document = (lead + start).encode()
        for chunks in ([document], [bytes((byte,)) for byte in document]):
            assert TAG in run(make_injector(sniff=True), chunks)


@pytest.mark.parametrize(
    "start", ["<div>", "hello", "</p><html>", "<link>", "<bodyguard>", "<p><html>", "&#32;a", "<3"]
)
def test_what_does_not_look_like_a_document_is_left_alone(start: str) -> None:
    document = start.encode()
    for chunks in ([document], [bytes((byte,)) for byte in document]):
        injector = make_injector(sniff=True)
        assert run(injector, chunks) == document
        assert injector.gave_up == rules.GAVE_UP_NO_DOCUMENT
    if start != "</p><html>":
        assert TAG in run(make_injector(), [document])


LONG = {
    "comment": (b"<head><!--", b"x", b"-->"),
    "bogus comment": (b"<head><!", b"x", b">"),
    "attribute": (b"<head><meta a='", b"x", b"'>"),
    "title": (b"<head><title>", b"x", b"</title>"),
    "next tag": (b"<head><link href='", b"x", b"'>"),
    "end tag": (b"<html></p a='", b"x", b"'>"),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("size", [KIB, 16 * KIB, 10**6], ids=str)
def test_token_up_to_64_kib_is_waited_for_and_no_longer_one(name: str, size: int) -> None:
    start, filler, end = LONG[name]
    lead = 0 if start.startswith(b"<html><!") else 6  # the token starts behind <head> or <html>
    room = MAX_TOKEN_BYTES - (len(start) - lead) - len(end)
    for extra in (0, 1):
        document = start + filler * (room + extra) + end + b"<p>"
        injector = make_injector()
        output = run(injector, [document[at : at + size] for at in range(0, len(document), size)])
        assert injector.injected == (extra == 0)
        assert injector.gave_up == (None if extra == 0 else rules.GAVE_UP_TOKEN)
        assert output.replace(TAG, b"", 1) == document


@pytest.mark.parametrize("size", [KIB, 16 * KIB, 10**6], ids=str)
@pytest.mark.parametrize("filler", [b" ", b"<meta name=abc>", b"<!-- abc -->"])
def test_no_decision_within_256_kib_gives_up(size: int, filler: bytes) -> None:
    for extra in (0, 1):
        count = (rules.MAX_SCAN_BYTES - len(b"<head>")) // len(filler) + extra
        document = b"<head>" + filler * count + b"<p>"
        injector = make_injector()
        output = run(injector, [document[at : at + size] for at in range(0, len(document), size)])
        assert injector.injected == (extra == 0)
        assert injector.gave_up == (None if extra == 0 else rules.GAVE_UP_SCAN)
        assert output.replace(TAG, b"", 1) == document


@pytest.mark.parametrize("size", [KIB, 10**6], ids=str)
def test_script_longer_than_a_token_is_passed_while_the_charset_is_unknown(size: int) -> None:
    document = b"<head><script>" + b"x" * (100 * KIB) + b"</script>" + b"<link>"
    output = run(
        make_injector(charset_declared=False), [document[at : at + size] for at in range(0, len(document), size)]
    )
    assert output == document.replace(b"<link>", TAG + b"<link>")
    endless = b"<head><script>" + b"x" * (300 * KIB) + b"</script><link>"
    assert run(make_injector(charset_declared=False), [endless]) == endless


def test_only_an_incomplete_token_is_held() -> None:
    injector = make_injector()
    assert injector.feed(b"<!doctype html>\n<he") == b"<!doctype html>\n"
    assert injector.feed(b"ad>\n<title>Spring sale") == b"<head>\n<title>Spring sale"
    assert injector.feed(b" and</ti") == b" and"
    assert injector.feed(b"tle><!-- a long -") == b"</title><!-- a long"[: len(b"</title><!-- a long -") - 3]
    assert not injector.decided


def test_script_keeps_no_more_than_the_start_of_its_end_tag() -> None:
    injector = make_injector(charset_declared=False)
    text = b"<head><script>" + b"x" * 100
    assert len(injector.feed(text)) >= len(text) - 10


def test_after_the_decision_chunks_are_the_same_objects() -> None:
    injector = make_injector()
    assert injector.feed(b"<head><link>") == b"<head>" + TAG + b"<link>"
    assert injector.decided and injector.injected and injector.gave_up is None
    chunk = b"<head><link>" * 10
    assert injector.feed(chunk) is chunk
    assert injector.flush() == b""
    assert injector.release() == b""


def test_no_tag_gives_the_page_back_untouched() -> None:
    injector = make_injector(tag=None)
    document = b"<head><title>a</title><link>"
    assert run(injector, [document[:9], document[9:]]) == document
    assert (injector.decided, injector.injected, injector.gave_up) == (True, False, rules.GAVE_UP_NO_TAG)


def test_a_failing_tag_maker_loses_no_byte() -> None:
    def fail(_policies: tuple[bytes, ...]) -> bytes | None:
        raise LookupError

    injector = Injector(fail, charset_declared=True, must_look_like_document=False)
    first = injector.feed(b"<head><ti")
    with pytest.raises(LookupError):
        injector.feed(b"tle>a</title><link>")
    assert first + injector.release() == b"<head><title>a</title><link>"


def test_t12_a_document_that_broke_off_is_not_completed() -> None:
    injector = make_injector()
    assert injector.feed(b"<html><head>") + injector.release() == b"<html><head>"
    assert injector.decided and not injector.injected


def policies_of(document: bytes) -> tuple[bytes, ...]:
    seen: list[tuple[bytes, ...]] = []

    def make(policies: tuple[bytes, ...]) -> bytes:
        seen.append(policies)
        return TAG

    run(Injector(make, charset_declared=True, must_look_like_document=False), [document])
    assert len(seen) == 1
    return seen[0]


def test_enforced_metas_before_the_tag_are_handed_over_decoded() -> None:
    document = (
        b"<head><meta http-equiv='Content-Security-Policy' content='script-src &#39;self&#x27; a&amp;b'>"
        b"<meta content=\" default-src 'none' \" http-equiv=CONTENT-SECURITY-POLICY>"
        b"<meta HTTP-EQUIV=content-security&#45;policy CONTENT=img-src content=ignored>"
        b"<link><meta http-equiv=content-security-policy content=late>"
    )
    assert policies_of(document) == (b"script-src 'self' a&b", b"default-src 'none'", b"img-src")


def test_other_metas_are_no_policies() -> None:
    document = (
        b"<head><!-- <meta http-equiv=content-security-policy content=a> -->"
        b"<title><meta http-equiv=content-security-policy content=b></title>"
        b"<meta http-equiv=content-security-policy-report-only content=c>"
        b"<meta name=content-security-policy content=d><meta http-equiv=content-security-policy content=' '>"
        b"<meta http-equiv=content-security-policy><meta http-equiv=refresh content=9>"
    )
    assert policies_of(document) == ()


def test_repr_tells_the_state() -> None:
    injector = make_injector()
    injector.feed(b"<html><he")
    assert repr(injector) == "<Injector before head, 6 bytes passed, 3 held>"
    injector.feed(b"ad><p>")
    assert repr(injector).startswith("<Injector injected")


def test_beautiful_soup_finds_one_tag_in_a_usual_page() -> None:
    page = b"<!doctype html><html><head><meta charset=utf-8><title>a</title></head><body><p>b</body></html>"
    soup = BeautifulSoup(run(make_injector(), [page]), "html5lib")
    scripts = soup.find_all("script")
    assert [script.parent.name for script in scripts if script.parent] == ["head"]


FRAGMENTS = [
    *("<!doctype html>", "<html>", "<html lang='>'>", "<head>", '<head x="<">', "</head>", "<body>", "</p>", "</br>"),
    *(
        "<title>",
        "</title>",
        "<title>a</title>",
        "<!--",
        "-->",
        "--!>",
        "<!-->",
        "<!--->",
        "<!-",
        "<!",
        "<?x",
        "</",
        "<",
    ),
    *(
        "<script>",
        "</script>",
        "<script><!--",
        "<script>1</script>",
        "<style>",
        "</style>",
        "<noscript>",
        "</noscript>",
    ),
    *(
        "<link href=a>",
        "<base href=/>",
        "<template>",
        "<svg>",
        "<p>",
        "<frameset>",
        "<textarea>",
        "<input type=hidden>",
    ),
    *(
        "<meta charset=utf-8>",
        "<meta name='a' content=\"b>\">",
        "<meta http-equiv=content-type content='a;charset=gbk'>",
    ),
    *("a", " ", "\n", "\r", "\f", "\x00", "=", "'", '"', "/", ">", "&", "&#32;", "&Tab", ";", "-", "!", "é", "\u30bd"),
    *(
        "TITLE",
        "<HeAd>",
        "<he",
        "ad>",
        "<html a='",
        "<m",
        "<meta a=b/c>",
        '<meta/a="\'"/>',
        "<br/>",
        "<math>",
        "<select>",
    ),
    '<meta name="viewport" content="a">',
    '<html lang="en">',
]
documents = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map(lambda parts: "".join(parts).encode())
bytes_like_markup = st.lists(st.sampled_from(list("<>!-/='\" atiled?&#32;")), max_size=30).map(
    lambda parts: "".join(parts).encode()
)


@settings(max_examples=some(400), deadline=None)
@given(document=documents | bytes_like_markup, declared=st.booleans(), cuts=st.lists(st.integers(0, 200), max_size=5))
@example(document=b"<head></noscript", declared=False, cuts=[])
def test_hostile_documents_however_they_are_cut(document: bytes, declared: bool, cuts: list[int]) -> None:
    whole = make_injector(charset_declared=declared)
    output = run(whole, [document])
    judge(document, output, injected=whole.injected)
    for chunks in (cut(document, [min(at, len(document)) for at in cuts]), [bytes((byte,)) for byte in document]):
        injector = make_injector(charset_declared=declared)
        assert run(injector, chunks) == output
        assert injector.gave_up == whole.gave_up


HEAD_PARTS = [
    *("<link href='" + "x" * size + "'>" for size in (10, 200, 700)),
    *("<meta charset=utf-8>", "<meta charset=x>", "<meta http-equiv=content-type content='text/html; charset=gbk'>"),
    *(
        "<script>'<meta charset=koi8-r>'</script>",
        "<style>a</style>",
        "<!-- <meta charset=big5> -->",
        "<title>a</title>",
    ),
    "<noscript><link></noscript>",
]


@settings(max_examples=some(300), deadline=None)
@given(parts=st.lists(st.sampled_from(HEAD_PARTS), max_size=12))
def test_prescan_of_any_head_finds_the_same_charset(parts: list[str]) -> None:
    document = ("<!doctype html><html><head>" + "".join(parts)).encode()
    output = run(make_injector(charset_declared=False), [document])
    assert TAG in output
    assert prescan(output) == prescan(document)
