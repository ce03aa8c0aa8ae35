"""One FastAPI application, made twice: as it is (to stand behind the proxy) and with footfall around it."""

from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from proxy import Footfall

DOCUMENT = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
    "<body><h1>{title}</h1>{body}</body></html>\n"
)
FORM = '<form method="post" action="/order"><input name="name" value="Ada"><button>Order</button></form>'


def plain() -> FastAPI:
    """A small shop that knows nothing of footfall."""
    shop = FastAPI()

    def document(title: str, body: str = "", status: int = 200) -> HTMLResponse:
        return HTMLResponse(DOCUMENT.format(title=title, body=body), status)

    @shop.get("/")
    def home() -> HTMLResponse:
        return document("Shop", '<a href="/old">on</a>')

    @shop.get("/old")
    def moved() -> RedirectResponse:
        return RedirectResponse("/goods?utm_source=letter", 302)

    @shop.get("/goods")
    def goods() -> HTMLResponse:
        return document("Goods", FORM + '<iframe src="/part" title="part"></iframe>')

    @shop.get("/part")
    def part() -> HTMLResponse:
        return document("Part")

    @shop.post("/order")
    async def order(request: Request) -> HTMLResponse:
        [name] = parse_qs((await request.body()).decode())["name"]
        return document(f"Thank you, {name}", '<a href="/nothing">on</a>')

    @shop.get("/nothing")
    def nothing() -> HTMLResponse:
        return document("Nothing here", status=404)

    @shop.get("/favicon.ico")
    def icon() -> Response:
        return Response(b"", media_type="image/x-icon")

    return shop


def tracked() -> Footfall:
    """The same shop with the tracking around it, configured by the environment."""
    return Footfall(plain())
