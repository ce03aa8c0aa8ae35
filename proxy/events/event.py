"""One event, as it leaves the store, and the grammar of action names.

Law: an event is made in one place and read in one shape; nothing here reads a clock or makes an id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.events.labels import label_of

ACTION_MAX_CHARS = 32
ACTION_MIN_CHARS = 3
_ACTION = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")

LANES = ("bot", "unproven", "person")
"""The lanes of VISITS.md section 5. Their index is what the store keeps."""

EXPORT_KEYS = (
    "seq",
    "id",
    "action",
    "label",
    "time",
    "received",
    "uuid",
    "session",
    "page",
    "lane",
    "params",
    "undefined",
)
"""Keys of an exported event, in their order (WIRE.md, "Export")."""

Params = Mapping[str, object]


def is_action(name: str) -> bool:
    """Whether `name` is a well-formed action: `context.activity`, ASCII, 3 to 32 characters.

    Matched whole, since `$` would let a trailing newline through.
    """
    return ACTION_MIN_CHARS <= len(name) <= ACTION_MAX_CHARS and _ACTION.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. Times are UTC milliseconds; ids are 32 hex digits with hyphens (a UUID's text). `label`: made by
    whoever has read it, who knows the site's own templates; None: by the shipped ones."""

    seq: int
    id: str
    action: str
    time: int
    received: int
    uuid: str
    lane: str
    session: str | None = None
    page: str | None = None
    params: Params = field(default_factory=dict)
    undefined: tuple[str, ...] = ()
    label: str | None = None

    def to_export(self) -> dict[str, object]:
        """The event as one exported object: `EXPORT_KEYS` in order, absent where empty."""
        row: dict[str, object] = {
            "seq": self.seq,
            "id": self.id,
            "action": self.action,
            "label": label_of(self.action, self.params) if self.label is None else self.label,
            "time": self.time,
            "received": self.received,
            "uuid": self.uuid,
            "session": self.session,
            "page": self.page,
            "lane": self.lane,
            "params": dict(self.params),
            "undefined": list(self.undefined),
        }
        return {key: value for key, value in row.items() if value is not None and value != [] and value != {}}
