"""Heads of responses as bytes: the status line, and the fields as they go out. Pure."""

from __future__ import annotations

from http import HTTPStatus

from proxy.fieldlist import FieldList
from proxy.http.headers import content_length

_WRITTEN = "written"  # a fact of a list: what `written` says of it


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode("ascii")


STATUS_LINES = {status: _status_line(status) for status in range(200, 600)}


def written(headers: FieldList) -> tuple[bytes, int | None, bool]:
    """The fields' lines, each begun by a line break; the length that they state; whether they end the connection.
    RuntimeError: fields that an application must not send; ValueError: a length that is none."""
    facts = headers.facts
    ready: tuple[bytes, int | None, bool] | None = facts.get(_WRITTEN) if facts is not None else None
    if ready is not None:
        return ready
    if b"transfer-encoding" in headers.by_name:
        raise RuntimeError("transfer-encoding is the server's business")
    closing = b"connection" in headers.by_name and b"close" in b",".join(headers.values(b"connection")).lower()
    lines = b"\r\n".join((b"", *map(b": ".join, headers)))
    ready = (lines, content_length(headers.values(b"content-length")), closing)
    if facts is not None:
        facts[_WRITTEN] = ready
    return ready
