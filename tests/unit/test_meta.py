"""What a page says of itself: of whatever is sent as that, what may be kept."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taken import some

from proxy.events.kept import read_kept
from proxy.events.meta import OTHERS, VALUE_MAX_CHARS, clean_meta
from proxy.events.params import PARAMS_MAX, PARAMS_MAX_BYTES
from proxy.events.sensitive import why_sensitive
from proxy.events.wire import parse_beacon

PAGE = "https://shop.example/"
KEPT = [
    ("og:type", "product", "product"),
    ("og:title", " Tide \n bowl ", "Tide bowl"),
    ("product:price:amount", "19.00", "19.00"),
    ("og:description", "x" * 2_000, "x" * VALUE_MAX_CHARS),
    ("og:title", "AC/DC: back", "AC/DC: back"),
    ("og:title", "/r/bowls?sig=1", "/r/bowls?sig=1"),
    ("og:description", "https://shop.example/?token=abc", "https://shop.example/?token=removed"),
    ("og:image", "a.png", "https://shop.example/a.png"),
    ("og:title", "a\ud800b", "a?b"),
    ("og:url", "https://Shop.example/p?token=abc&a=b#c", "https://shop.example/p?token=removed&a=b"),
    ("og:url", "https://ann:secret@shop.example/p", "https://shop.example/p"),
    ("og:image", "/img/a.png?sig=1", "https://shop.example/img/a.png?sig=removed"),
    ("og:image", "//cdn.example/a.png?session=1", "https://cdn.example/a.png?session=removed"),
    ("og:url", "https://shop.example/4111111111111111?a=b", "https://shop.example/4111111111111111"),
    ("product:retailer_item_id", "S198", "S198"),
]


@pytest.mark.parametrize(("key", "value", "kept"), KEPT)
def test_what_a_page_says_is_kept_clean(key, value, kept):
    assert clean_meta({key: value}, PAGE) == ((key, kept),)


@pytest.mark.parametrize(("key", "value", "kept"), [*KEPT, ("og:image", "/a/4111/1111/1111/1111.png", "")])
def test_what_was_kept_is_kept_by_an_import_as_well(key, value, kept):
    told = dict(clean_meta({key: value}, PAGE))
    assert told == {key: kept or f"https://shop.example{value}"}
    common = {"id": "00000000-0000-4000-8000-000000000001", "action": "page.visit", "time": 1, "received": 1}
    params = {"uri": PAGE, "nav": "navigate", "status": 200, **told}
    read = read_kept({**common, "uuid": common["id"], "lane": "person", "params": params})
    assert read.left_out == 0 and dict(read.event.more) == told


LEFT_OUT = [
    ("og:title", ""),
    ("og:title", "  \n"),
    ("og:title", None),
    ("og:title", 7),
    ("og:title", ["a"]),
    ("og:", "x" * 0),
    ("og:title", "please use 4111 1111 1111 1111"),
    ("og:card", "x"),
    ("og:4111111111111111", "x"),
    ("og:a b", "x"),
    ("og:" + "x" * 62, "x"),
    ("fb:app_id", "1"),
    ("article:author", "Ann"),
    ("nav", "navigate"),
    ("status", "200"),
    ("product", "x"),
    ("og:url", "ftp://shop.example/"),
    ("og:url", "https://[/"),
    ("og:image", "data:image/png;base64,AAAA"),
    ("og:image", " "),
]


@pytest.mark.parametrize(("key", "value"), LEFT_OUT)
def test_what_may_not_be_kept_is_left_out_and_the_rest_is_kept(key, value):
    assert clean_meta({key: value, "og:type": "product"}, PAGE) == (("og:type", "product"),)


@pytest.mark.parametrize("raw", [None, 1, "og:type", [], ["og:type"], {}])
def test_what_is_no_object_says_nothing(raw):
    assert clean_meta(raw, PAGE) == ()


def test_as_many_are_kept_as_an_event_can_hold():
    many = clean_meta({f"og:k{n}": "x" for n in range(100)}, PAGE)
    assert [key for key, _ in many] == [f"og:k{n}" for n in range(PARAMS_MAX - OTHERS)]
    large = clean_meta({f"og:k{n}": "\N{SNOWMAN}" * 1_024 for n in range(20)}, PAGE)
    assert len(large) == 2
    assert len(json.dumps(dict(large), ensure_ascii=False).encode()) <= PARAMS_MAX_BYTES


@settings(max_examples=some(200))
@given(
    raw=st.dictionaries(st.sampled_from(["og:a", "product:b", "x"]) | st.text(max_size=9), st.text() | st.integers())
)
def test_whatever_is_sent_what_is_kept_may_be_kept(raw):
    for key, value in clean_meta(raw, PAGE):
        assert key.startswith(("og:", "product:")) and value.isprintable() and 0 < len(value) <= VALUE_MAX_CHARS
        assert why_sensitive(value) is None or value.startswith("http")


@pytest.mark.parametrize("meta", [None, 1, "x", [], {"view": 7, "params": 7}, {}])
def test_a_malformed_description_takes_nothing_along(meta):
    beacon = parse_beacon(json.dumps({"v": 1, "page": "", "meta": meta, "events": [{}]}).encode())
    assert len(beacon.events) == 1 and (beacon.meta is None or clean_meta(beacon.meta.params, PAGE) == ())
