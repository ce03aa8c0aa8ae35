"""What a page's own scripts say to the tracker: `footfall.event("a.b")`, `footfall.push(["event", "a.b"])`, and so on.

Law: pure and linear. Scripts are read as tokens, not run: what is in a comment or a string is no call, and only an
action that is written out is judged. What a call may be is tracker.js's own list.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from proxy.audit.findings import Code, Mistake, quoted
from proxy.events.catalogue import Catalogue, Rejection, Sender

CALLS: Final = ("visit", "event", "on", "off", "token", "push")
"""Of the one global (tracker.js)."""
PUSHED_TOKENS: Final = 2_000
"""So far what is pushed at once is read."""
_OF_ARRAYS: Final = frozenset("concat filter forEach indexOf map pop shift slice splice unshift".split())
"""Before the tracker is there, the global is an array of the page's own."""
_TOKEN: Final = re.compile(
    r"""(?P<none>//[^\n]*|/\*.*?(?:\*/|\Z)|\s+)"""
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\.)*`?)"""
    r"""|(?P<word>[\w$]+)|(?P<mark>\?\.|\|\||\?\?|.)""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\n)|(.))", re.DOTALL)
_DOTS: Final = (".", "?.")
_GLOBALS: Final = ("window", "self", "globalThis", "top", "parent")


class Call(NamedTuple):
    """One call; `action`: of an `event`, where it is written out, else ''."""

    line: int
    name: str
    action: str


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def calls(code: str, line: int) -> Iterator[Call]:
    """The calls in a script that begins on `line`, in their order."""
    if "footfall" not in code:
        return
    tokens = [
        _Token(match.lastgroup, match[0], match.start())
        for match in _TOKEN.finditer(code)
        if match.lastgroup and match.lastgroup != "none"
    ]
    place = index = 0
    while index < len(tokens):
        found: list[tuple[int, str, str]] = []
        index += 1
        if tokens[index - 1].text == "footfall" and _is_global(tokens, index - 1):
            found, index = _after(tokens, index)
        for at, name, action in found:
            line += code.count("\n", place, at)
            place = at
            yield Call(line, name, action)


def judge(found: Sequence[Call], catalogue: Catalogue) -> Iterator[Mistake]:
    """What is wrong with the calls of one page. A page that hands over a token may send what takes one."""
    has_token = any(call.name == "token" for call in found)
    for call in found:
        if call.name not in CALLS:
            near = difflib.get_close_matches(call.name, CALLS, n=1)
            right = f"did you mean {near[0]}?" if near else f"there are {', '.join(CALLS)}"
            yield Mistake(call.line, Code.UNKNOWN_CALL, call.name, f"footfall has no {quoted(call.name)}: {right}")
        elif call.action:
            try:
                catalogue.for_sender(call.action, Sender.TRUSTED_BROWSER if has_token else Sender.BROWSER)
            except Rejection as why:
                near = difflib.get_close_matches(call.action, _of_browsers(catalogue), n=1)
                right = f"; did you mean {near[0]}?" if near and why.code == "undefined_action" else ""
                message = f"the event {quoted(call.action)} is refused: {why}{right}"
                yield Mistake(call.line, Code.BAD_ACTION, call.action, message)


def _of_browsers(catalogue: Catalogue) -> list[str]:
    return [definition.action for definition in catalogue if definition.anonymous]


def _is_global(tokens: Sequence[_Token], index: int) -> bool:
    return not index or tokens[index - 1].text not in _DOTS or tokens[index - 2].text in _GLOBALS


def _after(tokens: Sequence[_Token], index: int) -> tuple[list[tuple[int, str, str]], int]:
    """(place, name, action) of the calls that begin with the global before `index`, and where to read on."""
    # window.footfall = window.footfall || [], and the same in brackets with .push behind it
    if _texts(tokens, index, 3) in (["||", "[", "]"], ["??", "[", "]"]):
        index += 3 + (_texts(tokens, index + 3, 1) == [")"])
    if _texts(tokens, index, 2) == ["=", "["]:
        return _pushed(tokens, index + 2)
    if index + 1 >= len(tokens) or tokens[index].text not in _DOTS or tokens[index + 1].kind != "word":
        return [], index
    name, at = tokens[index + 1].text, tokens[index + 1].at
    index += 2 + (_texts(tokens, index + 2, 1) == ["?."])
    if _texts(tokens, index, 1) != ["("] or name in _OF_ARRAYS:
        return [], index
    if name == "push":
        return _pushed(tokens, index + 1)
    return [(at, name, _literal(tokens, index + 1) if name == "event" else "")], index + 1


def _pushed(tokens: Sequence[_Token], index: int) -> tuple[list[tuple[int, str, str]], int]:
    """The same for the arrays behind an opening bracket, up to the one that closes it."""
    found = []
    depth, end = 0, min(len(tokens), index + PUSHED_TOKENS)
    while index < end and depth >= 0:
        token = tokens[index]
        if token.kind == "mark" and token.text in "([{":
            if token.text == "[" and not depth and (name := _literal(tokens, index + 1)):
                is_more = name == "event" and _texts(tokens, index + 2, 1) == [","]
                found.append((token.at, name, _literal(tokens, index + 3) if is_more else ""))
            depth += 1
        elif token.kind == "mark" and token.text in ")]}":
            depth -= 1
        index += 1
    return found, index


def _literal(tokens: Sequence[_Token], index: int) -> str:
    """The text that is the whole argument at `index`, else ''."""
    if index + 1 >= len(tokens) or tokens[index].kind != "text" or tokens[index + 1].text not in (",", ")", "]"):
        return ""
    quote, text = tokens[index].text[0], tokens[index].text[1:]
    if not text.endswith(quote) or (quote == "`" and "${" in text):
        return ""
    return _ESCAPE.sub(_unescaped, text[:-1])


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2] or match[3]
    if number:
        return chr(int(number, 16)) if int(number, 16) <= 0x10FFFF else "\ufffd"
    return "" if match[4] else {"n": "\n", "t": "\t", "r": "\r"}.get(match[5], match[5])


def _texts(tokens: Sequence[_Token], index: int, number: int) -> list[str]:
    return [token.text for token in tokens[index : index + number]]
