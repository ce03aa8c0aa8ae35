"""Labels: the human text of an event, made when it is read, from its definition's template.

Law: plain substitution of `{param}`, no format language: `{a.b}`, `{a[0]}` and `{a!r}` are ordinary text, so that
a value that came from a browser can never reach an attribute of anything.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

TEMPLATES: Mapping[str, str] = {
    "page.visit": "Visited page {title}",
    "session.start": "Started session",
    "session.end": "Session end",
}
_FIELD = re.compile(r"\{([A-Za-z0-9_:-]{1,64})\}")


def label_of(action: str, params: Mapping[str, object]) -> str:
    """The label of an event; an action without a template is its own label.

    A page without a title is named by its path (WIRE.md, "Export").
    """
    template = TEMPLATES.get(action)
    if template is None:
        return action
    if action == "page.visit" and "title" not in params:
        return f"Visited page {urlsplit(str(params.get('uri', ''))).path or '/'}"
    return _FIELD.sub(lambda match: str(params.get(match[1], "")), template)
