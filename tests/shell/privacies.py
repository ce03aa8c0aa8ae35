"""Somebody in front of a browser who opens the visitor's page of a shop: cookies are kept as a browser keeps them."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from shops import FIREFOX, HOST, TAG, Shop
from wire import Answer, eventually

from proxy.held import open_held
from proxy.store.questions.held import Held
from proxy.visitors.ids import parse_uuid

PRIVACY = b"/_footfall/privacy"
SAME = (b"sec-fetch-site", b"same-origin")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
OPENED = ((b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))

Fields = Sequence[tuple[bytes, bytes]]


@dataclass
class Person:
    """One browser on one shop. `fields` go with every request."""

    shop: Shop
    fields: Fields = ()
    agent: bytes = FIREFOX
    cookies: dict[bytes, bytes] = field(default_factory=dict)

    def ask(self, method: bytes, target: bytes, fields: Fields = (), body: bytes | None = None) -> Answer:
        head = [(b"host", HOST), (b"user-agent", self.agent), *self.fields, *fields]
        if self.cookies:
            head.append((b"cookie", b"; ".join(b"%b=%b" % pair for pair in self.cookies.items())))
        if body is not None:
            head.append((b"content-length", b"%d" % len(body)))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in head)
        request = b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, lines, body or b"")
        answer = self.shop.served.ask(request, method.decode("ascii"))
        for value in answer.all(b"set-cookie"):
            name, _, rest = value.partition(b"=")
            if b"Max-Age=0;" in rest:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = rest.partition(b";")[0]
        return answer

    def visits(self, path: bytes = b"/", **shown: object) -> str:
        """Open a page of the site; where it has a tag, its tracker says that it is shown. The visitor's uuid."""
        before = len(self.shop.rows())
        answer = self.ask(b"GET", path, [(b"accept", b"text/html"), *OPENED])
        assert answer.status == 200
        found = TAG.search(answer.body)
        if not found:
            return ""
        kept, self.shop.cookie = self.shop.cookie, b"; ".join(b"%b=%b" % pair for pair in self.cookies.items())
        origin = self.shop.config.site.public_origin or "http://shop.example"
        told = self.shop.confirm(found[1].decode(), uri=f"{origin}{path.decode()}", **shown)
        assert told.status == 202
        self.shop.cookie = kept
        assert eventually(lambda: len(self.shop.rows()) > before)
        return str(self.shop.rows()[-1]["uuid"])

    def opens(self, path: bytes = b"", fields: Fields = OPENED) -> "Shown":
        return Shown(self.ask(b"GET", PRIVACY + path, fields))

    def sends(
        self, action: bytes, fields: Fields = (SAME, FORM), token: str | None = None, more: bytes = b""
    ) -> Answer:
        """Press the button of a page that was just opened, or send the token of another one."""
        text = self.opens().token if token is None else token
        return self.ask(b"POST", PRIVACY + b"/" + action, fields, b"token=" + text.encode() + more)


class Shown:
    """An answer of the visitor's page, as it is read."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.status = answer.status
        self.soup = BeautifulSoup(answer.body.decode("utf-8"), "html.parser")
        for part in self.soup.select("style, title"):
            part.extract()
        self.words = re.sub(r"\s+", " ", self.soup.get_text(" ")).strip()
        self.heading = self._text("h1")
        self.state = self._text(".state h2")

    def _text(self, selector: str) -> str:
        found = self.soup.select_one(selector)
        return "" if found is None else re.sub(r"\s+", " ", found.get_text()).strip()

    @property
    def token(self) -> str:
        return str(self.soup.select('input[name="token"]')[0]["value"])

    @property
    def buttons(self) -> dict[str, str]:
        """What forms do, by what their buttons say."""
        return {form.select("button")[0].get_text(strip=True): str(form["action"]) for form in self.soup.select("form")}

    @property
    def sums(self) -> list[int]:
        """Page views, other events, sessions."""
        return [int(re.sub(r"\D", "", one.get_text())) for one in self.soup.select(".sums dd")]

    @property
    def lines(self) -> list[str]:
        return [re.sub(r"\s+", " ", one.get_text()).strip() for one in self.soup.select(".lines li p")]


def held(shop: Shop, uuid: str) -> Held:
    """What the store has of a visitor."""
    raw = parse_uuid(uuid)
    assert raw is not None
    with contextlib.closing(open_held(shop.config)) as reader:
        return reader.held(raw, 1_000)


def files_have(folder: Path, needle: bytes) -> list[str]:
    """Files of the store in which some bytes are."""
    return [file.name for file in sorted(folder.glob("footfall.db*")) if needle in file.read_bytes()]


def values(answer: Answer, name: bytes) -> list[Any]:
    """What Set-Cookie fields say of one cookie."""
    return [value for value in answer.all(b"set-cookie") if value.startswith(name + b"=")]
