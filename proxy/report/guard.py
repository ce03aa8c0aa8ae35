"""The door of the report, around all of it: hosts, tokens, and the fields that every answer carries.

Law: whatever answers (a page, a file, an error), its head says the policy; and nothing but files and the sign-in page
is answered to whoever has not shown the token (HTTP.md, X4). The Host must be one of ours: a page elsewhere whose
name was made to lead here (DNS rebinding) has another one.
"""

from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from proxy.asgi import ASGIApp, Message, Receive, Scope, Send, raw_path_of
from proxy.report.access import LOCAL_HOSTS, Access, host_of, is_same_origin, own_place, take_token

STATIC = "/static/"
SIGN_IN = "/sign-in"
FORM_BYTES = 4_096
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FIELDS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "interest-cohort=(), camera=(), microphone=(), geolocation=()",
}

SignIn = Callable[[Request, str, bool], Response]
"""(request, where to go on, whether a wrong token was given) -> the page."""


class Guard:
    """ASGI middleware. `hosts`: names without port, None for this machine's; `sign_in` makes the sign-in page."""

    def __init__(self, app: ASGIApp, *, access: Access, hosts: Iterable[str] | None, sign_in: SignIn) -> None:
        self._app = app
        self._access = access
        self._hosts = LOCAL_HOSTS if hosts is None else frozenset(host.strip("[]").lower() for host in hosts)
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                for name, value in FIELDS.items():
                    headers[name] = value
                message = {**message, "headers": headers.raw}
            await send(message)

        request = Request(scope, receive)
        answer = self._refuse_host(request.headers) or await self._admit(request)
        await (answer or self._app)(scope, receive, guarded)

    def _refuse_host(self, headers: Headers) -> Response | None:
        host = host_of(headers.getlist("host"))
        if host is None:
            return PlainTextResponse("The Host field is missing or malformed.\n", 400)
        if host not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            return PlainTextResponse(f"This is not a name of this report. It answers as: {known}\n", 421)
        return None

    async def _admit(self, request: Request) -> Response | None:
        """An answer to whoever must sign in, or is doing so; None for whoever may go on."""
        path, raw = request.scope["path"], raw_path_of(request.scope).decode("latin-1")
        if path.startswith(STATIC):
            return None
        if path == SIGN_IN:
            return await self._signing_in(request)
        query = request.scope["query_string"].decode("latin-1")
        token, rest = take_token(query)
        if token is not None and request.method in ("GET", "HEAD"):
            place = own_place(raw + (f"?{rest}" if rest else ""))
            return self._accept(request, token, place)
        headers = request.headers
        if self._access.is_signed_in(headers.getlist("cookie")) or self._access.is_bearer(
            headers.get("authorization", "")
        ):
            return None
        if (
            path.endswith((".json", ".jsonl", ".csv"))
            or request.method not in ("GET", "HEAD")
            or "text/event-stream" in headers.get("accept", "")
        ):
            message = "send the report's token: Authorization: Bearer TOKEN"
            return JSONResponse({"error": "unauthorized", "message": message}, 401, {"www-authenticate": "Bearer"})
        return self._sign_in(request, own_place(raw + (f"?{query}" if query else "")), False)

    def _accept(self, request: Request, token: str, place: str) -> Response:
        if not self._access.is_token(token):
            return self._sign_in(request, place, True)
        return RedirectResponse(place, 303, {"set-cookie": self._access.set_cookie()})

    async def _signing_in(self, request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return self._sign_in(request, "/", False)
        if request.method != "POST":
            return PlainTextResponse("Method Not Allowed\n", 405, {"allow": "GET, HEAD, POST"})
        headers = request.headers
        if not is_same_origin(headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host", "")):
            return PlainTextResponse("This form was not sent by a page of the report.\n", 403)
        fields = await small_form(request)
        if fields is None:
            return PlainTextResponse("The form is too large, or is not one.\n", 400)
        return self._accept(request, fields.get("token", "").strip(), own_place(fields.get("next", "/")))


async def small_form(request: Request) -> dict[str, str] | None:
    """The fields of a small urlencoded form, or None."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return None
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10))
    except ValueError:
        return None
