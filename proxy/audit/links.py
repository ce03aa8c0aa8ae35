"""Where a page leads, and which of it a careful reader follows.

Law: pure and total. What is asked for is a page of the same origin, without its fragment, and never an address that
looks as if asking for it did something: a GET should not (RFC 9110 9.2.1), and on real sites it does.
"""

import re
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

ADDRESS_CHARS: Final = 2_048
HOST_CHARS: Final = 253
"""RFC 1035 2.3.4."""
_PORTS: Final = {"http": 80, "https": 443}
_BLANKS: Final = "\t\n\r"
_SAFE: Final = "!$&'()*+,-./:;=@_~%|[]"
_APART: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W\d_]+")
_ACTS: Final = frozenset(
    "logout logoff signout signoff delete destroy remove erase purge wipe trash unsubscribe deactivate terminate "
    "revoke cancel uninstall reset abmelden ausloggen loschen löschen entfernen kündigen deconnexion déconnexion "
    "supprimer wyloguj usuń usun cerrarsesion eliminar borrar addtocart addtobasket approve reject publish unpublish "
    "upvote downvote impersonate confirm".split()
)
_ACTS_TOGETHER: Final = tuple(
    words.split()
    for words in "log out/log off/sign out/sign off/add to cart/add to basket/opt out/close account".split("/")
)
_FILES: Final = frozenset(
    "7z avi avif bmp bz2 css csv dmg doc docx eot epub exe gif gz ico ics iso jpeg jpg js json m4a mjs mov mp3 mp4 "
    "mpeg msi odp ods odt ogg otf pdf png ppt pptx rar rss svg tar tgz tif tiff ttf txt wasm wav webm webp woff woff2 "
    "xls xlsx xml zip".split()
)
"""Endings of what is no page, whatever it is."""


def resolved(base: str, href: str) -> str | None:
    """The address that `href` means on a page at `base`, as it is asked for; None where it is none of http(s)."""
    href = href.strip(" \f" + _BLANKS).translate(dict.fromkeys(map(ord, _BLANKS)))
    href = href.partition("#")[0]
    try:
        parts = urlsplit(urljoin(base, href.replace("\\", "/") if ":" not in href else href))
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets that are no address, a port that is no number
        return None
    scheme, host = parts.scheme.lower(), _ascii_host(host)
    if scheme not in _PORTS or not host or parts.username is not None:
        return None
    name = f"[{host}]" if ":" in host else host
    place = name if port in (None, _PORTS[scheme]) else f"{name}:{port}"
    path = quote(parts.path.encode("utf-8", "replace"), safe=_SAFE) or "/"
    query = quote(parts.query.encode("utf-8", "replace"), safe=_SAFE + "?/")
    url = urlunsplit((scheme, place, path, query, ""))
    return url if len(url) <= ADDRESS_CHARS else None


def origin_of(url: str) -> str:
    """Scheme, host and port of what `resolved` has returned."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def place_of(url: str) -> str:
    """Path and query of what `resolved` has returned."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def is_file(url: str) -> bool:
    """Whether it ends as files do that are no pages."""
    _, dot, ending = urlsplit(url).path.rpartition("/")[2].rpartition(".")
    return bool(dot) and ending.lower() in _FILES


def is_below(url: str, prefix: str) -> bool:
    """Whether it is one of footfall's own."""
    path = urlsplit(url).path
    return path == prefix or path.startswith(f"{prefix}/")


def acts(url: str, text: str) -> str:
    """The words by which asking for it might do something (`log out`, `delete`), '' where there are none.

    `text`: what the link says. Only how it begins counts, so that an article on how to delete something is read.
    """
    parts = urlsplit(url)
    for said, most in ((unquote(parts.path), None), (unquote(parts.query), None), (text, 1)):
        words = [word.lower() for word in _APART.split(said) if word]
        for place, word in enumerate(words[:most]):
            if word in _ACTS:
                return word
            for several in _ACTS_TOGETHER:
                if words[place : place + len(several)] == several:
                    return " ".join(several)
    return ""


def _ascii_host(host: str) -> str:
    """The host as the network knows it; '' where it is none."""
    if not host.isascii() and len(host) <= HOST_CHARS:
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if len(host) <= HOST_CHARS and re.fullmatch(r"[a-z0-9._:-]+", host) else ""
