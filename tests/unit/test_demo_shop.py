"""The demo shop as a site: what a browser would be answered, without a server."""

import asyncio
from dataclasses import dataclass

import pytest

from proxy.demo.catalogue import PRODUCTS
from proxy.demo.pages import Page, read_page
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
    assert "3</span> × €32" in again.body
    assert ">96</span>" in again.body


def test_the_gift_is_elsewhere():
    answer = ask("GET", "/gift")
    assert (answer.status, answer.headers["location"]) == (302, "/products/ember-teapot")


@pytest.mark.parametrize(("body", "status"), [(b"x" * 16_385, 413), (b"\xff=1", 400), (b"&".join([b"a=1"] * 25), 400)])
def test_a_form_has_limits(body, status):
    assert ask("POST", "/newsletter", body).status == status


@pytest.mark.parametrize(("asked", "price"), [("0", 24), ("2", 48), ("999", 288), ("²", 24), ("-1", 24)])
def test_a_quantity_is_kept_in_bounds(asked, price):
    assert f">{price}</span>" in ask("GET", f"/checkout?item=harbour-mug&quantity={asked}").body


def page(path: str) -> Page:
    return read_page(ask("GET", path).body)


def test_what_a_marketer_would_watch_is_tagged():
    tagged = {(one.name, one.context): one for one in page("/").elements if one.tagged}
    assert ("Spring sale", "banner") in tagged
    assert {("Range", "menu"), ("Gift of the month", "menu"), ("Workshop", "menu"), ("Checkout", "menu")} <= set(tagged)
    assert {("See the range", "button"), ("How it is made", "link"), ("Subscribe", "button")} <= set(tagged)
    for product in PRODUCTS:
        assert dict(tagged[product.name, "product"].params) == {"sku": product.sku, "price": str(product.price)}
    assert tagged["How it is made", "link"].tells("click")
    assert not tagged["How it is made", "link"].tells("hover")
    assert len({product.sku for product in PRODUCTS}) == len(PRODUCTS)


def test_the_newsletter_says_only_whether_there_is_an_address():
    form = page("/").form("newsletter")
    assert [(one.tag, one.filled_only) for one in form.fields] == [
        ("email", True),
        ("topics", False),
        ("topics", False),
    ]
    assert form.button.name == "Subscribe"


def test_the_checkout_has_fields_of_every_kind_and_some_that_were_tagged_by_mistake():
    fields = {one.name: one for one in page("/checkout?item=tide-bowl&quantity=2").form("checkout").fields}
    kinds = {one.tag: one.kind for one in fields.values() if one.tag and not one.refused}
    assert kinds == {
        "campaign": "hidden",
        "email": "email",
        "letters": "checkbox",
        "country": "select",
        "delivery": "radio",
        "quantity": "number",
        "coupon": "text",
        "wrap": "checkbox",
        "notes": "textarea",
    }
    assert fields["campaign"].constant == "spring-41"
    assert fields["email"].filled_only
    assert fields["coupon"].tells_changes
    assert not [one for one in fields.values() if one.tag and one.refused]
    untagged = {"item", "name", "address", "phone", "cardNumber", "expiry", "cvc", "password"}
    assert {one.name for one in fields.values() if not one.tag} == untagged


def test_what_was_typed_comes_back_with_an_incomplete_order_but_no_card_and_no_password():
    typed = b"&notes=ring+twice&delivery=door&wrap=yes&country=SE&coupon=KILN10&phone=555-0199"
    secret = b"&cardNumber=4111+1111+1111+1111&expiry=01+%2F+31&cvc=987&password=correct+horse"
    again = ask("POST", "/checkout", b"item=tide-bowl&quantity=2" + typed + secret)
    given = {(one.name, one.value) for one in read_page(again.body).form("checkout").fields if one.chosen}
    assert {
        ("notes", "ring twice"),
        ("delivery", "door"),
        ("wrap", "yes"),
        ("country", "SE"),
        ("quantity", "2"),
    } <= given
    assert {("coupon", "KILN10"), ("phone", "555-0199"), ("password", ""), ("cardNumber", ""), ("cvc", "")} <= given
    assert not any(word in again.body for word in ("4111", "987", "correct horse", "01 / 31"))


def test_a_page_is_read_as_a_browser_reads_it():
    found = read_page(
        """<title> A &amp;
        B</title><script async src="/x/t.js?v=1" data-page="abc"></script><div data-track-off><a href="/no">no</a></div>
        <a href="/plain">  some
        words </a><a href="/label" aria-label="Label">other</a><a>no link</a><img src="/i.svg" alt="Picture">
        <form data-track-form="f"><select name="s" data-track-field="s"><option>one<option value="2" selected>two
        </select><input name="p" type="password" data-track-field="p"><input name="h" type="hidden" value="1"
        data-track-field="h">
        <textarea name="t" data-track-field="t">a\nb</textarea><input data-track-field="nameless"></form><button>"""
    )
    assert (found.title, found.page_id, found.tracker) == ("A & B", "abc", "/x/t.js?v=1")
    names = [(one.name, one.context, one.href) for one in found.elements]
    assert names == [("some words", "link", "/plain"), ("Label", "link", "/label"), ("Picture", "image", "")]
    fields = [(one.name, one.value, one.refused) for one in found.form("f").fields]
    assert fields == [("s", "2", ""), ("p", "", "password"), ("h", "1", "hidden"), ("t", "a\nb", "")]
    assert found.files == ("/i.svg",)
    assert found.element("nothing") is found.form("nothing") is None
