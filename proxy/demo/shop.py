"""The shop as an ASGI application: pages with validators, forms with real answers, one redirect, one 404.

It behaves as sites do, so that footfall has something to prove: pages carry ETag and Last-Modified and are
compressed, a valid order is answered 303, an incomplete one 422 with the form again. It keeps nothing.
"""

import hashlib
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from proxy.demo.catalogue import BY_SLUG, PRODUCTS

HERE = Path(__file__).parent
FORM_BYTES = 16_384
FIELD_CHARACTERS = 200
FORM_FIELDS = 24  # the checkout has 18
MOST_OF_ONE = 12  # pieces of a product in one order
COMPRESS_FROM_BYTES = 1_000
NEEDED = {"name": "your name", "email": "your e-mail address", "address": "where to send it"}
COUNTRIES = (
    ("AT", "Austria"),
    ("BE", "Belgium"),
    ("DK", "Denmark"),
    ("FR", "France"),
    ("DE", "Germany"),
    ("IE", "Ireland"),
    ("IT", "Italy"),
    ("NL", "Netherlands"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("ES", "Spain"),
    ("SE", "Sweden"),
    ("GB", "United Kingdom"),
)


def app() -> Starlette:
    shop = Shop()
    return Starlette(
        routes=[
            Route("/", shop.home),
            Route("/range", shop.range),
            Route("/products/{slug}", shop.product),
            Route("/about", shop.about),
            Route("/newsletter", shop.newsletter, methods=["POST"]),
            Route("/checkout", shop.checkout),
            Route("/checkout", shop.order, methods=["POST"]),
            Route("/thanks", shop.thanks),
            Route("/gift", shop.gift),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES)],
        exception_handlers={HTTPException: shop.problem},
    )


class Shop:
    def __init__(self) -> None:
        loader = FileSystemLoader(HERE / "templates")
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._templates.globals["countries"] = COUNTRIES
        newest = max(path.stat().st_mtime for path in (HERE / "templates").iterdir())
        self._modified = format_datetime(datetime.fromtimestamp(int(newest), UTC), usegmt=True)

    async def home(self, request: Request) -> Response:
        return self._page(request, "home.html", products=PRODUCTS)

    async def range(self, request: Request) -> Response:
        return self._page(request, "range.html", products=PRODUCTS)

    async def product(self, request: Request) -> Response:
        product = BY_SLUG.get(request.path_params["slug"])
        if product is None:
            raise HTTPException(404)
        others = [one for one in PRODUCTS if one is not product][:3]
        return self._page(request, "product.html", product=product, others=others)

    async def about(self, request: Request) -> Response:
        return self._page(request, "about.html")

    async def gift(self, request: Request) -> Response:
        return RedirectResponse("/products/ember-teapot", status_code=302)

    async def newsletter(self, request: Request) -> Response:
        email = (await _form(request)).get("email", "")
        if "@" not in email:
            return self._answer("newsletter.html", 422, email="")
        return self._answer("newsletter.html", 200, email=email)

    async def checkout(self, request: Request) -> Response:
        asked = request.query_params
        return self._page(
            request,
            "checkout.html",
            product=BY_SLUG.get(asked.get("item", ""), PRODUCTS[0]),
            quantity=_quantity(asked.get("quantity", "1")),
            given={},
            missing=[],
        )

    async def order(self, request: Request) -> Response:
        given = await _form(request)
        missing = [label for field, label in NEEDED.items() if not given.get(field, "").strip()]
        if missing:
            product = BY_SLUG.get(given.get("item", ""), PRODUCTS[0])
            quantity = _quantity(given.get("quantity", "1"))
            return self._answer("checkout.html", 422, product=product, quantity=quantity, given=given, missing=missing)
        return RedirectResponse(f"/thanks?order=MC-{secrets.token_hex(3).upper()}", status_code=303)

    async def thanks(self, request: Request) -> Response:
        return self._page(request, "thanks.html", order=request.query_params.get("order", "")[:20])

    async def problem(self, request: Request, wrong: Exception) -> Response:
        status = wrong.status_code if isinstance(wrong, HTTPException) else 500
        headers = wrong.headers if isinstance(wrong, HTTPException) else None
        response = self._answer("problem.html", status, code=status)
        response.headers.update(headers or {})
        return response

    def _page(self, request: Request, template: str, **values: object) -> Response:
        """A page with validators, or 304 where the browser has this very text."""
        body = self._templates.get_template(template).render(values).encode()
        # weak: the gzipped and the plain form share it
        etag = f'W/"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'
        headers = {"ETag": etag, "Last-Modified": self._modified, "Cache-Control": "no-cache"}
        known = request.headers.get("if-none-match", "")
        if etag in (part.strip() for part in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/html", headers=headers)

    def _answer(self, template: str, status: int, **values: object) -> Response:
        """A page that answers one visitor, and is kept by nobody."""
        body = self._templates.get_template(template).render(values)
        return Response(body, status, {"Cache-Control": "no-store"}, "text/html")


async def _form(request: Request) -> dict[str, str]:
    """The first value of each field of a urlencoded form; 413 beyond FORM_BYTES."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise HTTPException(413)
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS)
    except ValueError:
        raise HTTPException(400) from None
    return {name: values[0][:FIELD_CHARACTERS] for name, values in fields.items()}


def _quantity(text: str) -> int:
    return min(int(text), MOST_OF_ONE) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) else 1
