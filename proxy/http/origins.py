"""Upstream's own origin in what it answers, made the public one (F9). Pure.

Law: five fields, and in them only what names upstream's scheme, host and port exactly; every other byte stays, relative
references too. Of a reference only scheme and authority are read and written, both as bytes: what follows is never
parsed, so it cannot be misread.

    Location      all of it (RFC 9110 10.2.2); Content-Location (8.7) as well
    Refresh       the address behind `url=`, quoted or not (WHATWG HTML 4.2.5.3, shared declarative refresh steps)
    Link          each <reference> (RFC 8288 3); its parameters stay
    Set-Cookie    Domain (RFC 6265 5.2.3) is dropped: what is left is a cookie of the public host alone, which browsers
                  also take where that is an address or localhost

Origin and Referer go upstream as they came. An application that compares Origin with a host either knows the public one
(X-Forwarded-Host tells it) or not, and either half would break if the field were changed for the other.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from proxy.fieldlist import FieldList

_REFERENCE: Final = re.compile(
    rb"(?:([A-Za-z]+):)?//([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?(?=[/?#]|\Z)"
)
_REFRESH: Final = re.compile(
    rb"[\t\f ]*[0-9.]+(?:[\t\f ]*[;,]|[\t\f ])[\t\f ]*(?:url[\t\f ]*=[\t\f ]*)?"
    rb"""(?:(['"])(?P<quoted>.*?)(?:\1|\Z)|(?P<bare>.+))""",
    re.IGNORECASE | re.DOTALL,
)
# Quoted strings are taken first, so that a `<` or a comma in one is not mistaken for the next link's.
_LINKS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|(?:\A|,)[\t ]*<(?P<reference>[^<>]*)>', re.DOTALL)
_DEFAULT_PORTS: Final = {b"http": 80, b"https": 443}


class Origins:
    """`scheme` and `authority` are upstream's (b"http", b"site.internal:3000"); the scheme's own port may be left
    out."""

    __slots__ = ("_host", "_port", "_rewriters", "_scheme")

    def __init__(self, scheme: bytes, authority: bytes) -> None:
        match = _REFERENCE.fullmatch(b"//" + authority)
        if match is None:
            raise ValueError(f"not an authority: {authority!r}")
        self._scheme = scheme
        self._host = match[2].lower()
        self._port = int(match[3] or _DEFAULT_PORTS[scheme])
        self._rewriters: Mapping[bytes, Callable[[bytes, bytes], bytes]] = {
            b"location": self._reference,
            b"content-location": self._reference,
            b"refresh": self._refresh,
            b"link": self._link,
            b"set-cookie": self._set_cookie,
        }

    def __repr__(self) -> str:
        return f"<Origins {self._scheme.decode()}://{self._host.decode()}:{self._port}>"

    def to_visitor(self, fields: FieldList, public: bytes) -> FieldList:
        """The same fields for a visitor of `public`, such as b"https://shop.example"."""
        rewriters = self._rewriters
        if rewriters.keys().isdisjoint(fields.by_name):
            return fields
        return FieldList.of(
            (name, rewriters[name](value, public) if name in rewriters else value) for name, value in fields
        )

    def _reference(self, value: bytes, public: bytes) -> bytes:
        match = _REFERENCE.match(value)
        if match is None:
            return value
        scheme, host, port = match.groups()
        # One that leaves out the scheme has upstream's, as upstream sees it, and will have the visitor's.
        if (scheme or self._scheme).lower() != self._scheme or host.lower() != self._host:
            return value
        if int(port or _DEFAULT_PORTS[self._scheme]) != self._port:
            return value
        return (public if scheme else public[public.index(b"//") :]) + value[match.end() :]

    def _refresh(self, value: bytes, public: bytes) -> bytes:
        match = _REFRESH.match(value)
        if match is None:
            return value
        return self._inside(match, "quoted" if match[1] else "bare", public) + value[match.end() :]

    def _link(self, value: bytes, public: bytes) -> bytes:
        return _LINKS.sub(
            lambda match: match[0] if match["reference"] is None else self._inside(match, "reference", public), value
        )

    def _inside(self, match: re.Match[bytes], group: str, public: bytes) -> bytes:
        """What was matched, with the reference in one of its groups rewritten."""
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        whole = match[0]
        return whole[:start] + self._reference(whole[start:end], public) + whole[end:]

    def _set_cookie(self, value: bytes, public: bytes) -> bytes:
        pair, *attributes = value.split(b";")
        domains = [domain for attribute in attributes if (domain := _domain(attribute)) is not None]
        if not domains or domains[-1] != self._host.strip(b"[]"):  # the last one counts (RFC 6265 5.3)
            return value
        return b";".join([pair, *(attribute for attribute in attributes if _domain(attribute) is None)])


def _domain(attribute: bytes) -> bytes | None:
    """The value of a Domain attribute, in lower case and without the dot before it; None for any other attribute."""
    name, _, value = attribute.partition(b"=")
    return value.strip(b" \t").removeprefix(b".").lower() if name.strip(b" \t").lower() == b"domain" else None
