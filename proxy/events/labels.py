"""Labels: the human text of an event, made when it is read, from its definition's template.

Law: plain substitution of `{param}`, whatever a param may be called (EVENTS.md section 1), and no format language:
`{a.b}` is the param `a.b`, `{a[0]}` and `{a!r}` are ordinary text, so that a value that came from a browser can never
reach an attribute of anything.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

CONTEXTS = ("banner", "link", "button", "product", "menu", "image", "element")
"""What can be hovered over and clicked (EVENTS.md section 4)."""

TEMPLATES: Mapping[str, str] = {
    "page.visit": "Visited page {title}",
    "page.leave": "Left the page",
    "session.start": "Started session",
    "session.end": "Session end",
    **{f"{context}.hover": "Hovered over {name}" for context in CONTEXTS},
    **{f"{context}.click": "Clicked {name}" for context in CONTEXTS},
    "form.start": "Started form {form}",
    "field.change": "Changed {field} in {form}",
    "form.submit": "Submitted {form}",
    "form.result": "The site's answer to {form}: {outcome}",
    "screen.view": "Viewed screen {name}",
    "screen.click": "Clicked {name}",
    "client.applicationStarted": "Started the app",
    "client.login": "Logged in",
    "client.logout": "Logged out",
    "transaction.charge": "Ordered {orderId}",
    "product.buy": "Bought {quantity} x {sku}",
}
_FIELD = re.compile(r"\{([A-Za-z0-9_.:-]{1,64})\}")


def label_of(action: str, params: Mapping[str, object], templates: Mapping[str, str] = TEMPLATES) -> str:
    """The label of an event; an action without a template is its own label.

    A page without a title is named by its path (WIRE.md, "Export").
    """
    template = templates.get(action)
    if template is None:
        return action
    if action == "page.visit" and "title" not in params:
        return f"Visited page {_path_of(str(params.get('uri', '')))}"
    return _FIELD.sub(lambda match: str(params.get(match[1], "")), template)


def _path_of(uri: str) -> str:
    """The path of a uri, '/' where it has none."""
    try:
        return urlsplit(uri).path or "/"
    except ValueError:  # brackets that are no address
        return "/"
