"""The demo shop as a site: what a browser would be answered, without a server."""

import asyncio
from dataclasses import dataclass

import pytest

from proxy.demo.catalogue import PRODUCTS
from proxy.demo.shop import app


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


def ask(method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "server": ("shop.example", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in {"host": "shop.example", **headers}.items()],
    }
    sent = []

    incoming = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if not incoming:
            await asyncio.Event().wait()  # the browser stays
        return incoming.pop()

    async def send(message):
        sent.append(message)

    asyncio.run(app()(scope, receive, send))
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], fields, content.decode())


@pytest.mark.parametrize("path", ["/", "/range", "/about", "/checkout", "/thanks", f"/products/{PRODUCTS[0].slug}"])
def test_a_page_has_validators_and_is_not_sent_twice(path):
    first = ask("GET", path)
    assert (first.status, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert first.body.startswith("<!doctype html>")
    assert {"etag", "last-modified"} <= set(first.headers)
    again = ask("GET", path, if_none_match=f'W/"other", {first.headers["etag"]}')
    assert (again.status, again.body) == (304, "")


def test_every_product_has_its_page_and_its_picture():
    for product in PRODUCTS:
        assert product.name in ask("GET", f"/products/{product.slug}").body
        assert ask("GET", f"/static/{product.slug}.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("path", ["/nowhere", "/products/nothing"])
def test_what_is_not_there_is_a_404_page(path):
    answer = ask("GET", path)
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert "cracked in the kiln" in answer.body


def test_the_newsletter_thanks_and_escapes():
    answer = ask("POST", "/newsletter", b"email=%3Cb%3E%40example.com")
    assert answer.status == 200
    assert "&lt;b&gt;@example.com" in answer.body
    assert ask("POST", "/newsletter", b"email=nothing").status == 422


def test_an_order_is_answered_by_a_redirect_and_an_incomplete_one_by_the_form():
    done = ask("POST", "/checkout", b"item=tide-bowl&name=A&email=a%40example.com&address=Street+1")
    assert done.status == 303
    assert done.headers["location"].startswith("/thanks?order=MC-")
    again = ask("POST", "/checkout", b"item=tide-bowl&quantity=3&name=Ann")
    assert again.status == 422
    assert 'value="Ann"' in again.body
    assert "€96" in again.body


def test_the_gift_is_elsewhere():
    answer = ask("GET", "/gift")
    assert (answer.status, answer.headers["location"]) == (302, "/products/ember-teapot")


@pytest.mark.parametrize(("body", "status"), [(b"x" * 16_385, 413), (b"\xff=1", 400), (b"&".join([b"a=1"] * 21), 400)])
def test_a_form_has_limits(body, status):
    assert ask("POST", "/newsletter", body).status == status


@pytest.mark.parametrize(("asked", "price"), [("0", 24), ("2", 48), ("999", 288), ("²", 24), ("-1", 24)])
def test_a_quantity_is_kept_in_bounds(asked, price):
    assert f"€{price}</span>" in ask("GET", f"/checkout?item=harbour-mug&quantity={asked}").body
