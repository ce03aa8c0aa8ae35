"""The fields of forms that an event tells of, and what became of each.

Law: pure; whatever a page has sent is no error (a field that is no text, or none).
"""

import json
from collections.abc import Iterator

from proxy.store.sqlite.dictionary import FIELD
from proxy.store.sqlite.rollups import FIELD_CHANGED, FIELD_FILLED, FIELD_SKIPPED


def fields_of(sort: int, more: str) -> Iterator[tuple[str, int]]:
    """The fields that an event tells of, and what became of each."""
    told = json.loads(more)
    if sort == FIELD:
        if isinstance(told.get("field"), str):
            yield told["field"], FIELD_CHANGED
        return
    for key, what in (("fields", FIELD_FILLED), ("skipped", FIELD_SKIPPED)):
        fields = told.get(key)
        if isinstance(fields, dict):
            for name in fields:
                yield name, what
