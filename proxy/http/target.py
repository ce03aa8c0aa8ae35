"""Request targets as they were sent (RFC 9112 3.2): split, never decoded, never repaired; and their scope. Pure."""

import re
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from proxy.asgi import Scope
from proxy.fieldlist import FieldList

HOST_BYTES = 261  # the longest name (RFC 1035 2.3.4), a colon and a port
HOSTS_REMEMBERED = 256  # Host values that were judged already

# uri-host [":" port] (RFC 3986 3.2.2) without percent-encoding and sub-delims, which no resolvable name has.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_CONTROLS = re.compile(rb"[\x00-\x20\x7f]")
_HIGH_BYTES = bytes(range(0x80, 0x100))
_TO_ASCII = bytes.maketrans(_HIGH_BYTES, b"x" * len(_HIGH_BYTES))


@lru_cache(maxsize=HOSTS_REMEMBERED)
def _is_known_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def is_host(value: bytes) -> bool:
    return len(value) <= HOST_BYTES and _is_known_host(value)


def split_target(target: bytes) -> tuple[bytes, bytes | None, bytes | None]:
    """(path, query or None without `?`, authority of the absolute-form or None). Other forms are their own path."""
    authority = None
    if not target.startswith(b"/"):
        match = _ABSOLUTE.match(target)
        if match is not None:
            authority = match[1]
            target = target[match.end() :]
            if not target.startswith(b"/"):
                target = b"/" + target
    path, mark, query = target.partition(b"?")
    return path, query if mark else None, authority


def replace_host(headers: FieldList, authority: bytes) -> FieldList:
    """The absolute-form's authority counts, whatever Host says (RFC 9112 3.2.2); a Host that is none stays, and the
    request is refused for it (3.2)."""
    return FieldList.of((name, authority if name == b"host" and is_host(value) else value) for name, value in headers)


def text_path(path: bytes) -> str:
    """scope["path"]: decoded for applications that route by it. We never do."""
    if not path.isascii() or path.find(b"%") >= 0:
        return unquote_to_bytes(path).decode("utf-8", "replace")
    return path.decode("ascii")


def request_scope(method: str, version: str, target: bytes, headers: FieldList) -> Scope:
    """All of the ASGI scope that a request's head tells."""
    if target.startswith(b"/"):
        path, mark, behind = target.partition(b"?")
        query = behind if mark else None
    else:
        path, query, authority = split_target(target)
        if authority is not None:
            headers = replace_host(headers, authority)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version,
        "method": method,
        "path": path.decode("ascii") if path.isascii() and path.find(b"%") < 0 else text_path(path),
        "raw_path": path,
        "query_string": query or b"",
        "root_path": "",
        "headers": headers,
        "extensions": {"footfall.bare_query": {}} if query == b"" else {},
    }


class Side(Protocol):
    """A visitor's connection: what a scope says of it."""

    @property
    def scheme(self) -> str | None: ...
    @property
    def server(self) -> tuple[str, int | None] | None: ...
    @property
    def client(self) -> tuple[str, int] | None: ...
    @property
    def app_state(self) -> dict[str, Any]: ...


def whole_scope(side: Side, method: str, version: str, target: bytes, headers: FieldList) -> Scope:
    """The ASGI scope of a request."""
    scope = request_scope(method, version, target, headers)
    scope["scheme"], scope["server"], scope["client"] = side.scheme, side.server, side.client
    scope["state"] = side.app_state.copy()
    return scope


def disguise(data: bytes) -> tuple[bytes | None, bytes]:
    """(the target, data with its non-ASCII bytes replaced by as many x) where the request line that `data` starts
    with, and has whole, has any; else (None, data)."""
    line = data[: data.find(b"\r\n")]
    if line.isascii():
        return None, data
    method, _, rest = line.partition(b" ")
    target, _, version = rest.rpartition(b" ")
    # The parser would end the line of an HTTP/0.9 request at a bare line feed, here inside the target.
    if not target or not version.isascii() or _CONTROLS.search(target) is not None:
        return None, data
    return target, b"%b %b %b" % (method, target.translate(_TO_ASCII), version) + data[len(line) :]
