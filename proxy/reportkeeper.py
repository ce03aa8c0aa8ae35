"""What the report does for a visitor beside showing: it gives out all that is held of one, and erases it.

Law: each call opens the store anew, does what `footfall export` and `footfall forget` do, and closes it; nothing is
held open in between. Loaded when it is asked for (loading.py): most reports are only read.
"""

import contextlib
from collections.abc import Generator, Sequence

from proxy import forgetting
from proxy.clock import now_ms
from proxy.events.event import Event
from proxy.files import open_reader
from proxy.held import open_held
from proxy.report.keeping import IsCrawler, NotSearched
from proxy.store.base import Query, StoreUnavailable
from proxy.store.questions.held import Held
from proxy.tables import Config
from proxy.visitors.erased import Erased
from proxy.visitors.ids import parse_uuid


class ReportKeeper:
    """`proxy.report.keeping.Keeper` of one configuration's store. `erasure_keys` (visitors/erased.py) are those of
    whoever serves the site."""

    def __init__(self, config: Config, erasure_keys: Sequence[bytes]) -> None:
        self._config = config
        self._erasure_keys = erasure_keys

    def held(self, uuid: str) -> Held:
        with contextlib.closing(open_held(self._config)) as reader:
            return reader.held(_raw(uuid), 0)

    def export(self, uuid: str) -> Generator[Event, None, None]:
        with contextlib.closing(open_reader(self._config)) as reader:
            yield from reader.export(Query(visitor=_raw(uuid)))

    def forget(self, uuid: str) -> dict[str, object]:
        try:
            done = forgetting.erase(self._config, _raw(uuid), now_ms(), lambda: Erased.by(self._erasure_keys))
        except forgetting.Crawler:
            raise IsCrawler from None
        except forgetting.NotSearched as wrong:
            raise NotSearched(str(wrong)) from wrong
        return {**done.as_json(), "is_whole": done.is_whole}


def _raw(uuid: str) -> bytes:
    raw = parse_uuid(uuid)
    if raw is None:  # the store has told it, so it is one
        raise StoreUnavailable(f"{uuid}: not a UUID")
    return raw
