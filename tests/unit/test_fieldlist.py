"""Header fields by name and in order: where every name is there once the answers are those of the general case."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.fieldlist import Collected, FieldList

NAMES = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
VALUES = st.binary(max_size=2)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=7)
CHANGES = st.dictionaries(NAMES, st.none() | VALUES, max_size=4)


def changed_one_by_one(fields, changes, added):
    """The rule in its plainest form."""
    left, made = dict(changes), []
    for name, value in fields:
        if name not in changes:
            made.append((name, value))
        elif name in left:
            made.append((name, left.pop(name)))
    return [(name, value) for name, value in [*made, *left.items()] if value is not None] + list(added.items())


@given(FIELDS, CHANGES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_changes_keep_order_and_places(fields, changes, added):
    before = FieldList.of(fields)
    after = before.changed(changes, added)
    assert after == changed_one_by_one(fields, changes, added)
    assert after.by_name == dict(after) and (after.repeated is None) == (len(after) == len(after.by_name))
    assert before == fields and before.by_name == dict(fields)


@given(FIELDS, st.sets(NAMES))
def test_the_values_of_a_name_and_the_fields_without_some(fields, names):
    known = FieldList.of(fields)
    assert list(known.without(names)) == [field for field in fields if field[0] not in names]
    assert known == fields
    for name in names:
        assert known.values(name) == [value for key, value in fields if key == name]


@given(FIELDS, FIELDS)
def test_a_parsers_fields_are_collected_head_by_head(first, second):
    collected = Collected()
    for fields in (first, second):
        for name, value in fields:
            collected.add(name.upper(), value)
        assert len(collected) == len(fields)
        assert collected.take() == FieldList.of(fields)
    collected.add(b"trailer", b"")
    collected.forget()
    assert not len(collected) and collected.take() == []


def test_a_changed_field_keeps_its_place_and_its_repeats_go():
    headers = FieldList.of([(b"a", b"1"), (b"cookie", b"x"), (b"b", b"2"), (b"cookie", b"y"), (b"range", b"r")])
    assert headers.changed({b"cookie": b"z", b"range": None, b"new": b"n", b"absent": None}) == [
        (b"a", b"1"),
        (b"cookie", b"z"),
        (b"b", b"2"),
        (b"new", b"n"),
    ]


def test_a_list_is_taken_as_it_is():
    known = FieldList.of([(b"a", b"1")])
    assert FieldList.of(known) is known
    assert FieldList.of([(b"a", b"1")]) == known
    assert FieldList.of(pair for pair in known) == known
