"""Params of every type that a site can define: what is taken, what is converted, what is refused (EVENTS.md 1, 3).

Each type is sent each value, so that nothing is taken by accident.
"""

import json

import pytest

from proxy.definitions import catalogue_of, read_definitions
from proxy.events.catalogue import STRING_MAX_CHARS, Rejection, Sender
from proxy.events.incoming import read_event
from proxy.events.params import PARAMS_MAX_BYTES
from proxy.events.values import INTEGER_MAX
from proxy.events.wire import parse_object

ID = "0188b4d6-7c00-7000-8000-000000000001"
TYPES = ("string", "number", "boolean", "datetime", "list", "object")
SITE = catalogue_of(read_definitions({"all.types": {"params": {kind: {"type": kind} for kind in TYPES}}}))

BAD, ABSENT = "bad_type", None
S, N, B, D, L, O = TYPES  # noqa: E741

# as JSON, what each type makes of it; of a type that is not named: bad_type
VALUES = [
    ('"x"', {S: "x"}),
    ('""', {S: ABSENT, D: ABSENT}),
    ('" \\u200b\\n "', {S: ABSENT, D: ABSENT}),
    ('"12"', {S: "12", N: 12}),
    ('"-12.50"', {S: "-12.50", N: -12.5}),
    ('"1e3"', {S: "1e3", N: 1000.0}),
    ('"1e999"', {S: "1e999"}),
    ('"0x10"', {S: "0x10"}),
    ('"1_000"', {S: "1_000"}),
    ('"+1"', {S: "+1"}),
    ('"1,5"', {S: "1,5"}),
    ('" 1"', {S: "1"}),
    ('"1\\n"', {S: "1"}),
    ('"\\u0663"', {S: "\u0663"}),
    ('"NaN"', {S: "NaN"}),
    ('"true"', {S: "true", B: True}),
    ('"false"', {S: "false", B: False}),
    ('"True"', {S: "True"}),
    ('"yes"', {S: "yes"}),
    ('"null"', {S: "null"}),
    ('"2026-11-27"', {S: "2026-11-27", D: "2026-11-27"}),
    ('"2026-11-27T10:00:00Z"', {S: "2026-11-27T10:00:00Z", D: "2026-11-27T10:00:00Z"}),
    ('"2026-11-27T10:00:00.123+02:00"', {S: "2026-11-27T10:00:00.123+02:00", D: "2026-11-27T10:00:00.123+02:00"}),
    ('"2026-13-01"', {S: "2026-13-01"}),
    ('"2026-02-30T00:00:00Z"', {S: "2026-02-30T00:00:00Z"}),
    ('"27.11.2026"', {S: "27.11.2026"}),
    ('"a\\u0000b"', {S: "a b"}),
    ('"\\ud83d\\ude00"', {S: "\U0001f600"}),
    ('"\\ud83d"', {S: "?"}),
    ('"Zażółć gęślą jaźń"', {S: "Zażółć gęślą jaźń"}),
    ("12", {N: 12, D: 12}),
    ("-0.5", {N: -0.5, D: -0.5}),
    ("1764186130001", {N: 1764186130001, D: 1764186130001}),
    (str(INTEGER_MAX), {N: INTEGER_MAX, D: INTEGER_MAX}),
    (str(INTEGER_MAX + 1), {}),
    (str(-INTEGER_MAX - 1), {}),
    ("true", {B: True}),
    ("false", {B: False}),
    ("0", {N: 0, D: 0}),
    ("[]", {L: []}),
    ('[1, "a", true, null, ""]', {L: [1, "a", True]}),
    ("[[1]]", {L: [[1]]}),
    ('[{"a": 1}]', {L: [{"a": 1}]}),
    ("[[[1]]]", {L: "too_deep"}),
    ("{}", {O: {}}),
    ('{"a": 1, "b": null}', {O: {"a": 1}}),
    ('{"a": 1, "a": 2}', {O: {"a": 2}}),
    ('{"a": {"b": 1}}', {O: {"a": {"b": 1}}}),
    ('{"a": {"b": []}}', {O: "too_deep"}),
    (json.dumps("x" * STRING_MAX_CHARS), {S: "x" * STRING_MAX_CHARS}),
    (json.dumps("ą" * STRING_MAX_CHARS), {S: "ą" * STRING_MAX_CHARS}),
    (json.dumps("x" * (STRING_MAX_CHARS + 1)), {S: "too_long", D: "too_long"}),
    (json.dumps(["x" * (STRING_MAX_CHARS + 1)]), {L: "too_long"}),
]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_what_each_type_makes_of_a_value(text, expected, kind):
    sent = parse_object(b'{"params": {"%b": %b}}' % (kind.encode(), text.encode()))["params"]
    raw = {"id": ID, "action": "all.types", "params": sent}
    wanted = expected.get(kind, BAD)
    if wanted in (BAD, "too_long", "too_deep"):
        with pytest.raises(Rejection) as caught:
            read_event(raw, SITE, Sender.API)
        assert (caught.value.code, caught.value.field) == (wanted, kind)
    else:
        kept = read_event(raw, SITE, Sender.API).event
        assert kept.params == ({} if wanted is ABSENT else {kind: wanted}) and kept.undefined == ()
        assert all(type(one) is type(wanted) for one in kept.params.values())


@pytest.mark.parametrize("kind", TYPES)
def test_null_is_absent_of_whatever_type(kind):
    assert read_event({"id": ID, "action": "all.types", "params": {kind: None}}, SITE, Sender.API).event.params == {}


def test_params_take_eight_kibibytes_of_json_in_utf_8_and_not_a_byte_more():
    def sent(size: int) -> object:
        texts = ["x" * 1_000] * 8
        room = size - len(json.dumps({"list": [*texts, ""]}, separators=(",", ":")))
        return {"id": ID, "action": "all.types", "params": {"list": [*texts, "x" * room]}}

    assert read_event(sent(PARAMS_MAX_BYTES), SITE, Sender.API)
    with pytest.raises(Rejection) as caught:
        read_event(sent(PARAMS_MAX_BYTES + 1), SITE, Sender.API)
    assert (caught.value.code, caught.value.field) == ("too_long", "params")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("a", None),
        ("A.b:c_d-9", None),
        ("k" * 64, None),
        ("k" * 65, "bad_type"),
        ("", "bad_type"),
        ("a b", "bad_type"),
        ("a\n", "bad_type"),
        ("ą", "bad_type"),
        ("a/b", "bad_type"),
        ("\ud800", "bad_type"),
    ],
)
def test_a_key_is_1_to_64_of_a_few_characters(key, code):
    raw = {"id": ID, "action": "all.types", "params": {key: 1}}
    if code is None:
        assert read_event(raw, SITE, Sender.API).event.undefined == (key,)
        return
    with pytest.raises(Rejection) as caught:
        read_event(raw, SITE, Sender.API)
    assert (caught.value.code, caught.value.field) == (code, "")
