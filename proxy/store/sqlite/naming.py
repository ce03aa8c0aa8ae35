"""What a batch speaks of: the ids and uuids that are looked for before anything of it is applied.

Law: pure; every id and uuid once. One that is left out is looked for later, by itself, which is slower and no worse.
"""

import json
from collections.abc import Iterable, Sequence

from proxy.store.base import Confirmation, FormAnswer, Item, Kept, Once, OptOut, Visit


def places(of: Sequence[object]) -> str:
    """The places of a sequence, as a JSON array."""
    return json.dumps(list(range(len(of))))


def named(batch: Iterable[Item]) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The ids, those of them that may name a page.visit, and the uuids that a batch speaks of, each once."""
    ids: dict[bytes, None] = {}
    views: dict[bytes, None] = {}
    uuids: dict[bytes, None] = {}
    for one in batch:
        if isinstance(one, Visit):
            ids[one.id] = uuids[one.uuid] = None
            continue
        item = one.item if isinstance(one, Once) else one
        if isinstance(item, (OptOut, FormAnswer)):
            uuids[item.uuid] = None
        elif isinstance(item, Confirmation):
            _name_message(item, ids, views, uuids)
        elif isinstance(item, Kept):
            event = item.event
            ids[event.id] = uuids[event.uuid] = None
            ids.update(dict.fromkeys(one for one in (event.session, event.page) if one is not None))
            views.update({} if event.page is None else {event.page: None})
    return list(ids), list(views), list(uuids)


def _name_message(
    item: Confirmation, ids: dict[bytes, None], views: dict[bytes, None], uuids: dict[bytes, None]
) -> None:
    if item.page is not None:
        ids[item.page.id] = views[item.page.id] = None
    if item.id is not None:
        ids[item.id] = None
    if item.cookie is not None:
        uuids[item.cookie] = None
    for event in item.events:
        ids[event.id] = None
        if event.view is not None:
            ids[event.view] = views[event.view] = None
    for refusal in item.refusals:
        if refusal.id is not None:
            ids[refusal.id] = None
