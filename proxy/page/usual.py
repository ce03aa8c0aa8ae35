"""The usual head of a page, read in one match: where the tag goes in most of the pages there are.

Law: this only ever says what the injector (injector.py) would say, or nothing. Its grammar is the plain part of HTML:
doctype, <html>, <head>, metas and a title in lower case, attributes in double quotes that hold no angle brackets, then
a token that ends that run. Whatever is less plain (comments, other quoting, http-equiv, an undeclared charset) is the
injector's.
"""

import re

from proxy.bounded import Bounded

HEAD_BYTES = 4_096
"""How far a usual head is looked for."""
BEGINNINGS = 1_024
"""Pages whose beginning is remembered: 2 MB at the most."""
BEGINNING_BYTES = 1_024
LONGEST_TOKEN = len("<noscript ")
"""What has to be seen behind the place, to know that the head ends there."""

_SPACE = rb"[\t\n\f\r ]*"  # HTML's, which has no vertical tab
_USUAL = re.compile(
    rb"""%b<!(?:doctype|DOCTYPE) html>%b<html(?: (?:lang|dir|class|prefix)="[^"<>]*")*>%b<head>%b"""
    rb"""((?:<meta(?: [a-z:-]+="[^"<>]*")+ ?/?>%b|<title>[^<]*</title>%b)*)"""
    rb"""(?=<(?:link|script|style|base|noscript|body|/head)[\t\n\f\r >])""" % ((_SPACE,) * 6)
)
_CHARSET = re.compile(rb'<meta[^<>]*? charset="([^"]*)"')
_UTF_8 = b"utf-8"
_PRESCAN_BYTES = 1_024


class UsualHeads:
    """Where the tag goes in pages that begin as they did last time: the beginnings themselves are remembered."""

    __slots__ = ("_beginnings",)

    def __init__(self) -> None:
        self._beginnings: Bounded[tuple[str, bytes, bool], tuple[bytes, int]] = Bounded(BEGINNINGS)

    def place(self, host: str, raw_path: bytes, start: bytes, *, charset_declared: bool) -> int | None:
        """`usual_place` of the page at this address."""
        key = (host, raw_path, charset_declared)
        known = self._beginnings.get(key)
        if known is not None and start.startswith(known[0]):
            return known[1]
        place = usual_place(start, charset_declared=charset_declared)
        if place is not None and place + len(raw_path) <= BEGINNING_BYTES:
            # With the token that ends the head: what comes after it makes no difference.
            self._beginnings.put(key, (start[: place + LONGEST_TOKEN], place))
        return place


def usual_place(start: bytes, *, charset_declared: bool) -> int | None:
    """Where the tag goes, as an offset into the first chunk of a body; None where the head is not a usual one.

    About 2 us where the injector takes 4 (7 KB page).
    """
    match = _USUAL.match(start, 0, HEAD_BYTES)
    if match is None:
        return None
    run = match[1]
    if run.find(b"http-equiv") >= 0:
        return None
    if not charset_declared:
        first = _CHARSET.search(run)  # a later one no longer counts
        if first is None or first[1].lower() != _UTF_8 or match.end() > _PRESCAN_BYTES:
            return None
    return match.end()
