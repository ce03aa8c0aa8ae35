"""The tracker as browsers get it: with the installation's settings, and small.

Law: there are two scripts. The page's own is in every tag and is paid for by every visitor; the one for forms is asked
for by it, where a page has a tagged form. Names that begin with `$` are theirs alone and are shortened over both, since
the one hands them to the other; what else makes them small is, but for a few signs, a library's work.
"""

import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import product
from pathlib import Path

import rjsmin

VERSION_CHARS = 8
PAGE_SCRIPT = "t.js"
FORMS_SCRIPT = "forms.{}.js"
"""Its version is a part of its name: the short names of another one would be other letters."""
SETTINGS = "})("
"""The tracker's last line begins with this; what follows are its defaults, which the configuration replaces."""
RESERVED = frozenset(("as", "do", "if", "in", "is", "of"))
"""Words of the language that are as short as our names."""
LETTERS = "etnaroislcdhpumgfyvbwkxjqzETNAROISLCDHPUMGFYVBWKXJQZ_$"
"""The ones that a script has most of anyway come first: gzip writes these in the fewest bits."""
_OWN_NAME = re.compile(r"(?<![\w$])\$[A-Za-z]\w*")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")


class Script:
    """A script as it is served, plain and gzipped; `version` is of its text, and in its `name` where that has a place
    for it."""

    __slots__ = ("body", "gzipped", "name", "version")

    def __init__(self, name: str, text: str) -> None:
        self.body = text.encode("utf-8")
        self.gzipped = gzip.compress(self.body, 9, mtime=0)
        self.version = hashlib.sha256(self.body).hexdigest()[:VERSION_CHARS]
        self.name = name.format(self.version)


class Tracker:
    """What a page loads (`page`), and what that loads for forms (`forms`)."""

    __slots__ = ("forms", "page")

    def __init__(self, page: str, forms: str, settings: Mapping[str, object]) -> None:
        """Made of the two sources. `settings` are the page script's; where they have `forms`, it is told the address of
        the other. ValueError: the page script has no place for them."""
        if SETTINGS not in page:
            raise ValueError("the tracker has no place for its settings")
        page, forms = shortened(*(_closed(rjsmin.jsmin(text)) for text in (page, forms)))
        self.forms = Script(FORMS_SCRIPT, forms)
        address = settings["forms"] and f"./{self.forms.name}"
        told = json.dumps({**settings, "forms": address}, separators=(",", ":"))
        self.page = Script(PAGE_SCRIPT, f"{page.rpartition(SETTINGS)[0]}{SETTINGS}{told});")


def load_tracker(settings: Mapping[str, object]) -> Tracker:
    """The tracker of this installation: packed beside the package in a wheel, beside it in a checkout."""
    folder = files("proxy") / "injected"
    if not folder.is_dir():
        folder = Path(__file__).parent.parent / "injected"
    page, forms = ((folder / name).read_text("utf-8") for name in ("tracker.js", "forms.js"))
    return Tracker(page, forms, settings)


def _closed(text: str) -> str:
    """Without what says nothing beside a closing brace, where every statement that is no block ends in a semicolon."""
    return text.replace(";}", "}").replace("}\n", "}")


def shortened(*texts: str) -> list[str]:
    """Texts with one or two letters for each name that begins with `$`: the same in all of them, and none that stands
    for anything else. Those that the first text has most often are the shortest; the same texts give the same names."""
    times = [Counter(_OWN_NAME.findall(text)) for text in texts]
    free = _free_names({word for text in texts for word in _WORD.findall(text)})
    names = sorted(set().union(*times), key=lambda name: ([-each[name] for each in times], name))
    short = {name: next(free) for name in names}
    return [_OWN_NAME.sub(lambda found: short[found[0]], text) for text in texts]


def _free_names(taken: set[str]) -> Iterator[str]:
    for length in (1, 2):
        for letters in product(LETTERS, repeat=length):
            name = "".join(letters)
            if name not in taken and name not in RESERVED:
                yield name
