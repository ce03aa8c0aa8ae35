"""Where a session came from, as one word (rollups.py): what is told apart when sessions are counted by their source.

Law: pure. The same source is always the same text, whoever makes it.
"""

import json
from collections.abc import Mapping, Sequence

_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: making it costs as much as using it."""


def source_of(referrer: str | None, facts: Mapping[str, object], host: str | None) -> str:
    """The text of a source, from the referrer (a cleaned URI) and the params of a session.start and the host of its
    address. The referrer's host is what stands between `://` and the next slash."""
    return text_of((_host_of(referrer), *(facts.get(f"utm_{name}") for name in ("source", "medium", "campaign")), host))


def text_of(origin: Sequence[object]) -> str:
    """The text of a source from its parts: the referrer's host, the `utm_*` params, the site's host."""
    return _as_json(origin)


def _host_of(referrer: str | None) -> str | None:
    return referrer.split("://", 1)[1].split("/", 1)[0] if referrer is not None and "://" in referrer else None
