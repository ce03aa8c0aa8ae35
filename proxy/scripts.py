"""The tracker as browsers get it: with the installation's settings, and small.

Law: there are two scripts. The page's own is in every tag and is paid for by every visitor; its part is asked for by
it: where a page has a tagged form, or, with `spa` or `meta`, on every page. Neither has what its settings leave out.
Names that begin with `$` are theirs alone and are shortened over both, since the one hands them to the other; what else
makes them small is, but for a few signs, a library's work.
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
FORMS_SCRIPT, SPA_SCRIPT, META_SCRIPT = "forms.{}.js", "spa.{}.js", "meta.{}.js"
"""Their version is a part of their name: the short names of another one would be other letters."""
SETTINGS = "})("
"""The tracker's last line begins with this, and with what it was told; that changes nothing, it only says so (the
demo's visitors read it). With `spa` there is no room for it."""
MODES = ("off", "tagged", "auto")
"""What clicks and hovers may be; in the script a number, this one's place."""
RESERVED = frozenset(("as", "do", "if", "in", "is", "of"))
"""Words of the language that are as short as our names."""
LETTERS = "eNopsSglxCJLityfcEABQadYvTIuUrwWnDjqOP$VbmGhRFHKkX_zZM"
"""In the order that gzip writes these scripts in the fewest bytes with (20 fewer than by how often a script has each
anyway), found by trying."""
_SETTING = re.compile(r"\$settings\.(\w+)")
_CHOICE = re.compile(r"^ *// #if (\w+)\n(.*?)(?:^ *// #else\n(.*?))?^ *// #end\n", re.DOTALL | re.MULTILINE)
_OWN_NAME = re.compile(r"(?<![\w$])\$(?!settings\.)[A-Za-z]\w*")
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
    """What a page loads (`page`), and what that loads in its turn (`part`), if it does (`has_part`)."""

    __slots__ = ("has_part", "page", "part")

    def __init__(self, page: str, forms: str, spa: str, meta: str, settings: Mapping[str, object]) -> None:
        """Made of the four sources. `settings` are the page script's; where they have `forms`, `spa` or `meta`, it is
        told the address of the part, which has these. ValueError: the page script has no place for them."""
        if SETTINGS not in page:
            raise ValueError("the tracker has no place for its settings")
        has_forms, has_spa, has_meta = (bool(settings[name]) for name in ("forms", "spa", "meta"))
        every = has_spa or has_meta
        # A part that nothing asks for is there all the same: what is under a page's own address may come from a cache.
        chosen = (forms if has_forms or not every else "") + (spa if has_spa else "") + (meta if has_meta else "")
        choices = {**settings, "every": every, "plain": has_forms and not has_spa}
        page, part = shortened(*(_closed(rjsmin.jsmin(_chosen(text, choices))) for text in (page, chosen)))
        self.part = Script(SPA_SCRIPT if has_spa else META_SCRIPT if has_meta else FORMS_SCRIPT, part)
        self.has_part = has_forms or every
        address = self.has_part and f"./{self.part.name}"
        page = _told(page, {**settings, "part": address and f"{address}#"})
        shown = {**settings, "forms": address}
        del shown["spa"], shown["meta"]
        told = "" if has_spa else json.dumps(shown, separators=(",", ":"))
        self.page = Script(PAGE_SCRIPT, f"{page.rpartition(SETTINGS)[0]}{SETTINGS}{told});")


def load_tracker(settings: Mapping[str, object]) -> Tracker:
    """The tracker of this installation: packed beside the package in a wheel, beside it in a checkout."""
    folder = files("proxy") / "injected"
    if not folder.is_dir():
        folder = Path(__file__).parent.parent / "injected"
    names = ("tracker.js", "forms.js", "spa.js", "meta.js")
    page, forms, spa, meta = ((folder / name).read_text("utf-8") for name in names)
    return Tracker(page, forms, spa, meta, settings)


def _chosen(text: str, settings: Mapping[str, object]) -> str:
    """Without what stands between `// #if name` (or its `// #else`) and `// #end` for other settings than these."""
    return _CHOICE.sub(lambda found: (found[2] if settings[found[1]] else found[3]) or "", text)


def _told(text: str, settings: Mapping[str, object]) -> str:
    """With each setting where its name stood."""

    def value(found: re.Match[str]) -> str:
        told = settings[found[1]]
        return json.dumps(MODES.index(told) if isinstance(told, str) and told in MODES else told)

    return _SETTING.sub(value, text)


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
