"""Checks of single configuration values: pure, no file, no resolver, no clock.

Each takes a value of the right type and returns it normalised, or raises ValueError with half a sentence that
completes "site.listen: ...". They know nothing of keys; config.py says which check guards which key.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

OFF = "off"
STORE_SCHEME = "sqlite:///"
CONSENT_COOKIE = "footfall_consent"  # taken: the site's consent tool sets it (VISITS 4)
LAST_PORT = 65_535
UNIX = "unix:"
JWT_KINDS = ("HS256", "RS256", "ES256")
FIELD_CHARS = 100
AUDIENCE_CHARS = 200
PEER_UNIX = "unix"
SOCKET_PATH_BYTES = 107  # of sockaddr_un on Linux, its end included 108 (unix(7)); macOS has 104 and says so

_SEGMENT = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+")
# RFC 1035 2.3.4; what is longer, or has an empty label, makes resolvers raise. One dot may end it: an absolute name.
_HOST = re.compile(r"(?=.{1,253}\.?\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_SERVER_KEY = re.compile(r"[A-Za-z0-9_-]{1,32}:[0-9a-f]{64}")
_COOKIE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def split_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as (host, port). Port 0 asks for any free port."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ip_address(host[1:-1]))
    elif not _HOST.fullmatch(host):
        raise ValueError(f"must be HOST:PORT, not {text!r}")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > LAST_PORT:
        raise ValueError(f"must be HOST:PORT, not {text!r}")
    return host, int(port)


def socket_path(text: str) -> str:
    """The path of `unix:/run/site.sock`; empty for any other address."""
    if not text.startswith(UNIX):
        return ""
    path = text.removeprefix(UNIX)
    if not path.startswith("/") or path.endswith("/") or "\0" in path or len(path.encode()) > SOCKET_PATH_BYTES:
        raise ValueError(f"must be unix:/PATH of at most {SOCKET_PATH_BYTES} bytes, not {text!r}")
    return path


def listen(text: str) -> str:
    if not socket_path(text):
        split_address(text)
    return text


def listen_or_off(text: str) -> str:
    if text != OFF:
        try:
            split_address(text)
        except ValueError:
            raise ValueError(f"must be HOST:PORT or {OFF!r}, not {text!r}") from None
    return text


def host_names(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not _HOST.fullmatch(text):
            raise ValueError(f"each must be the name of a host, such as report.example, not {text!r}")
    return tuple(text.lower().rstrip(".") for text in texts)


def file_name(text: str) -> str:
    if not text.strip() or "\0" in text or text.endswith("/"):
        raise ValueError(f"must be the path of a file, not {text!r}")
    return text


def file_name_or_none(text: str) -> str:
    if "\0" in text or text.endswith("/"):
        raise ValueError(f"must be the path of a file, not {text!r}")
    return text


def timezone(text: str) -> str:
    try:
        if text:
            ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"must be a name such as Europe/Warsaw, not {text!r}") from None
    return text


def origin(text: str) -> str:
    """An absolute http(s) address without path, query or user, in lower case and without its default port."""
    if not text:
        return text
    shown = "one with a user" if "@" in text else repr(text)  # a password belongs into no message
    wrong = f"must be http://HOST[:PORT] or https://HOST[:PORT] without a path, not {shown}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    scheme, host = parts.scheme, parts.hostname or ""
    if scheme not in ("http", "https") or "@" in parts.netloc or "?" in text or "#" in text or port == 0:
        raise ValueError(wrong)
    if parts.path not in ("", "/") or not (":" in host or _HOST.fullmatch(host)):
        raise ValueError(wrong)
    host = f"[{ip_address(host)}]" if ":" in host else host
    default = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" if port in (None, default) else f"{scheme}://{host}:{port}"


def upstream(text: str) -> str:
    """As `origin`, or a socket of this machine."""
    return text if socket_path(text) else origin(text)


def prefix(text: str) -> str:
    if not _SEGMENT.fullmatch(text):
        raise ValueError(f"must be a path such as /_footfall, without a slash at its end, not {text!r}")
    return text


def networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each as its network; `unix` stands for whoever connects to a socket of this machine."""
    return tuple(text if text == PEER_UNIX else str(ip_network(text)) for text in texts)


def store_url(text: str) -> str:
    path = text.removeprefix(STORE_SCHEME)
    if path == text or not path.strip("/") or path == ":memory:" or re.search(r"[?#\0]|/$", path):
        raise ValueError(f"must be sqlite:///relative/path.db or sqlite:////absolute/path.db, a file, not {text!r}")
    return text


def cookie(text: str) -> str:
    if not _COOKIE.fullmatch(text) or text == CONSENT_COOKIE:
        raise ValueError(f"must be 1 to 64 letters, digits, '_', '.' or '-', and not {CONSENT_COOKIE}")
    return text


def globs(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not text.startswith("/"):
            raise ValueError(f"each must be a path that starts with '/', such as /admin/*, not {text!r}")
    return texts


def jwt_keys(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each as ALGORITHM:FILE."""
    for text in texts:
        kind, colon, file = text.partition(":")
        if kind not in JWT_KINDS or not colon or not file.strip() or "\0" in file or file.endswith("/"):
            raise ValueError(f"each must be {', '.join(JWT_KINDS)} and a file, such as ES256:app.pem, not {text!r}")
    return texts


def server_keys(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each as NAME:SHA-256, as `footfall key` prints it."""
    names = [text.partition(":")[0] for text in texts]
    for text in texts:
        if not _SERVER_KEY.fullmatch(text):
            raise ValueError("each must be a line that `footfall key NAME` has printed, NAME:HASH")
    if len(set(names)) < len(names):
        raise ValueError("two keys have one name")
    return texts


def audience(text: str) -> str:
    if not text.strip() or len(text) > AUDIENCE_CHARS or not text.isprintable():
        raise ValueError(f"must be 1 to {AUDIENCE_CHARS} characters, not {text!r}")
    return text


def field_name(text: str) -> str:
    if len(text) > FIELD_CHARS or not text.isprintable():
        raise ValueError(f"must be the name of a tagged field, at most {FIELD_CHARS} characters, not {text!r}")
    return text


def between(low: float, high: float) -> Callable[[Any], Any]:
    def check(number: float) -> float:
        if not low <= number <= high:  # also refuses nan
            raise ValueError(f"must be between {low:g} and {high:g}, not {number:g}")
        return number

    return check


def as_it_is(value: Any) -> Any:
    return value


def machine(host: str) -> str:
    """The host for comparison: every name of this machine that needs no resolver is the same one."""
    if host == "localhost" or host.endswith(".localhost"):
        return "here"
    try:
        address = ip_address(host)
    except ValueError:
        return host.rstrip(".").lower()
    return "here" if address.is_loopback or address.is_unspecified else str(address)
