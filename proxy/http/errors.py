"""What can go wrong, whose fault it is, and the page that says so. No text of upstream's ever gets in here.

    ProxyError(status, fault, reason)
    +- VisitorError      4xx  visitor    the request cannot be forwarded as it is
    |  +- VisitorGone    499  visitor    the visitor left: there is nobody to answer
    |  +- VisitorStalled 408  visitor    the request body stopped coming
    +- UpstreamError     5xx  upstream   no usable answer
    |  +- UpstreamRefused 502            no connection: DNS, refused, TLS
    |  +- UpstreamBroken  502            closed too early, or an answer that is not HTTP
    |  +- UpstreamTimeout 504            no connection or no answer in time
    +- Overloaded        503  proxy      more at once than the named limits allow

`fault` is the key `http.response.start` carries (beside status and headers) whenever an answer is our own.
"""

import html
import json

from proxy.asgi import Headers, Send

RETRY_AFTER_SECONDS = 2
ALLOW = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

TITLES = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    414: "Address too long",
    426: "Upgrade required",
    431: "Request header too large",
    500: "Internal error",
    501: "Not implemented",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
    505: "HTTP version not supported",
    508: "Loop detected",
}

# After these the visitor's connection is not to be trusted with another request (RFC 9112 9.6, 11.2).
_CLOSING = frozenset((400, 408, 414, 431, 501, 505))

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{status} {title}</title>
<style>:root{{color-scheme:light dark}}
body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}}</style>
</head><body><h1>{title}</h1><p>{reason}</p><p><small>{status}</small></p></body></html>
"""


class ProxyError(Exception):
    """An answer of our own: `status`, `fault` (visitor, upstream, proxy), `reason` (a sentence for people)."""

    def __init__(self, status: int, fault: str, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.fault = fault
        self.reason = reason


class VisitorError(ProxyError):
    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(status, "visitor", reason)


class VisitorGone(VisitorError):
    def __init__(self) -> None:
        # 499 is nginx's private status for this; it is never sent, since there is nobody left.
        super().__init__("The visitor left before the answer.", 499)


class VisitorStalled(VisitorError):
    def __init__(self) -> None:
        super().__init__("The rest of the request did not arrive in time.", 408)


class UpstreamError(ProxyError):
    def __init__(self, reason: str, status: int = 502) -> None:
        super().__init__(status, "upstream", reason)


class UpstreamRefused(UpstreamError):
    def __init__(self) -> None:
        super().__init__("The site behind this address cannot be reached right now.")


class UpstreamBroken(UpstreamError):
    """`detail` is for logs and tests; visitors read the same sentence whatever it was."""

    def __init__(self, detail: str) -> None:
        super().__init__("The site behind this address did not give a usable answer.")
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.status} {self.detail}"


class UpstreamTimeout(UpstreamError):
    def __init__(self) -> None:
        super().__init__("The site behind this address did not answer in time.", 504)


class Overloaded(ProxyError):
    def __init__(self) -> None:
        super().__init__(503, "proxy", "Too much is going on at once. Please try again in a moment.")


def page(status: int, reason: str, accept: bytes) -> tuple[Headers, bytes]:
    """Our error page as (fields, body): HTML where Accept names text/html, else JSON `{"error", "message"}`."""
    title = TITLES.get(status, "Error")
    if b"text/html" in accept.lower():
        kind = b"text/html; charset=utf-8"
        body = _PAGE.format(status=status, title=html.escape(title), reason=html.escape(reason)).encode()
    else:
        kind = b"application/json"
        body = json.dumps({"error": title.lower().replace(" ", "_"), "message": reason}).encode() + b"\n"
    fields = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 503:
        fields.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    elif status == 405:
        fields.append((b"allow", ALLOW))
    elif status == 426:
        # RFC 6455 4.4, RFC 9110 15.5.22
        fields += [(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"), (b"connection", b"close, upgrade")]
    if status in _CLOSING:
        fields.append((b"connection", b"close"))
    return fields, body


def raw_page(status: int, reason: str, *, closing: bool = False) -> bytes:
    """The same as it goes over the wire, for those whose Accept nobody could read. `closing`: the connection ends
    though the status does not say so."""
    fields, body = page(status, reason, b"text/html")
    lines = [name + b": " + value + b"\r\n" for name, value in (*fields, *([(b"connection", b"close")] * closing))]
    return b"".join((b"HTTP/1.1 %d \r\n" % status, *lines, b"\r\n", body))


async def answer(send: Send, status: int, fault: str, reason: str, accept: bytes, head: bool) -> None:
    """Sends our error page whole. `head`: the request was a HEAD, so the fields go without their body."""
    fields, body = page(status, reason, accept)
    await send({"type": "http.response.start", "status": status, "headers": fields, "fault": fault})
    await send({"type": "http.response.body", "body": b"" if head else body, "more_body": False})
