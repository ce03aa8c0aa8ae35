"""A PHP application that builds every link from Host: DokuWiki, as Debian has it, behind nginx.

Whoever reads it through footfall stays on the public host and gets what they would get without footfall, but for the
tag. What is new with every answer (tokens, times) is written down below as data; everything else has to be equal.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from applications import NAME, PASSWORD, dokuwiki, needs_dokuwiki
from bs4 import BeautifulSoup
from test_documentation_site import EVERY_ANSWER, PRIVATE_ANSWER, TAGGED_ANSWER, Seen, fields_that_differ
from whole import NAVIGATION, SUBRESOURCE, Fields, Serving, Visitor, integrity, outcomes, serving, stored, untagged
from wire import Answer

pytestmark = needs_dokuwiki
FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
START = "/doku.php?id=start"
SAVED = "====== Footfall ======\n\nHere are **words** and a link to [[wiki:syntax]].\n"
UPLOADED = os.urandom(3_000_000)
PAGES, FILES = 45, 15
"""How many pages are read, and how many files they load at least: less would be a walk that has lost its way."""
NO_CACHE = (b"expires", b"Thu, 19 Nov 1981 08:52:00 GMT")
"""What PHP says where a session is; it does not move with the clock."""
NEW_EACH_TIME = [
    (rb"(sectok(?:=|\" value=\"|\":\"))[0-9a-f]{32}", rb"\1"),
    (rb"(taskrunner\.php\?id=[\w:%]*&amp;)\d+", rb"\1"),
    (rb"^((?:DokuWiki|DW[0-9a-f]{32})=)(?!deleted)[^;]+", rb"\1"),
    (rb"(expires=)(?!Thu, 01 Jan 1970)[^;]+", rb"\1"),
    (rb"(name=\"(?:date|changecheck)\" value=\")\w*", rb"\1"),
    (rb"\d{4}(\\?/)\d\d\1\d\d \d\d:\d\d", b"when"),
    (rb"((?:value=\"|rev=))1\d{9}\b", rb"\1"),
]


RULES = {"page": TAGGED_ANSWER, "fragment": PRIVATE_ANSWER, "other": EVERY_ANSWER}


def settled(answer: Answer) -> Answer:
    """The answer without what is new each time."""

    def plain(text: bytes) -> bytes:
        for pattern, kept in NEW_EACH_TIME:
            text = re.sub(pattern, kept, text)
        return text

    fields = [(name, plain(value)) for name, value in answer.fields if (name, value) != NO_CACHE]
    return Answer(answer.status, fields, plain(answer.body), answer.whole)


def difference(direct: bytes, through: bytes) -> tuple[bytes, bytes]:
    """Where two texts part."""
    same = (number for number, pair in enumerate(zip(direct, through, strict=False)) if pair[0] != pair[1])
    start = max(0, next(same, min(len(direct), len(through))) - 40)
    return direct[start : start + 120], through[start : start + 120]


@dataclass
class Reader:
    """One person who does everything twice: at the wiki itself and through footfall, under the same public name."""

    host: str
    wiki: Visitor
    proxy: Visitor
    where: Path
    tokens: dict[Visitor, str] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def here(self) -> str:
        return f"http://{self.host}"

    def both(self, method: bytes, target: str, fields: Fields, form: dict[str, str] | None = None) -> Answer:
        """The same request to both; the answer through footfall. What differs is collected, so that one run tells all
        of it."""
        answers = []
        for side in (self.wiki, self.proxy):
            body, more = b"", fields
            if form is not None:
                body, more = urlencode({**form, "sectok": self.tokens.get(side, "")}).encode(), [*fields, FORM]
            answer = side.ask(method, target.encode(), more, body)
            if token := re.search(rb'name="sectok" value="(\w{32})"', answer.body):
                self.tokens[side] = token[1].decode()
            answers.append(answer)
        self._compare(method, target, *map(settled, answers), is_navigation=fields is NAVIGATION)
        return answers[1]

    def _compare(self, method: bytes, target: str, direct: Answer, through: Answer, *, is_navigation: bool) -> None:
        body, page_id = untagged(through.body)
        kind = self._kind(direct, is_navigation=is_navigation)
        if kind == "page":
            self.visits[self.here + target] += 1
        seen = Seen(direct, through, b"x" * (len(through.body) - len(body)))
        problems = fields_that_differ(RULES[kind], seen)
        problems += [
            what
            for what, is_true in [
                (f"status {direct.status} became {through.status}", direct.status != through.status),
                (f"the bodies differ by more than the tag: {difference(direct.body, body)!r}", body != direct.body),
                ("there is a tag" if page_id else "there is no tag", (kind == "page") != (page_id is not None)),
                ("a body was cut short", not (direct.whole and through.whole)),
            ]
            if is_true
        ]
        self.wrong += [f"{method.decode()} {target}: {problem}" for problem in problems]

    @staticmethod
    def _kind(answer: Answer, *, is_navigation: bool) -> str:
        """Which rules it is judged by."""
        is_html = (answer.get(b"content-type") or b"").startswith(b"text/html")
        if not is_html or 300 <= answer.status < 400:
            return "other"
        return "page" if is_navigation else "fragment"

    def read(self, target: str) -> Answer:
        return self.both(b"GET", target, NAVIGATION)

    def load(self, target: str) -> Answer:
        if target.startswith("/lib/exe/"):  # made when it is first asked for, and dated a moment before its file
            self.wiki.load(target.encode())
        return self.both(b"GET", target, SUBRESOURCE)

    def post(self, target: str, **form: str) -> Answer:
        return self.both(b"POST", target, NAVIGATION, form)

    def log_in(self) -> None:
        self.read(f"{START}&do=login")
        answer = self.post(f"{START}&do=login", id="start", do="login", u=NAME, p=PASSWORD, r="1")
        assert (answer.status, answer.get(b"location")) == (302, f"{self.here}{START}".encode())
        assert b"Logged in as" in self.read(START).body

    def done(self) -> None:
        """What differed is nothing, and each page was counted once."""
        assert not self.wrong, f"{len(self.wrong)} differences:\n" + "\n".join(self.wrong[:20])
        store = self.where / "footfall.db"
        own = [visit for visit in stored(store, "page.visit") if visit["params"]["uri"].startswith(self.here)]  # type: ignore[index]
        assert Counter(visit["params"]["uri"] for visit in own) == self.visits  # type: ignore[index]
        assert len({visit["uuid"] for visit in own}) == 1
        assert {visit["params"]["status"] for visit in own} <= {200, 404}  # type: ignore[index]


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Serving]]:
    """The wiki's port, and footfall before it."""
    where = tmp_path_factory.mktemp("dokuwiki")
    with dokuwiki(where / "wiki") as port, serving(where, port, store__hold_ms="10000") as served:
        yield port, served
    assert integrity(served.store) == "ok"
    assert outcomes(served.store)["visit"] == len(stored(served.store, "page.visit"))
    assert served.lines("Traceback") == []


@pytest.fixture
def reader(wiki: tuple[int, Serving], request: pytest.FixtureRequest) -> Iterator[Reader]:
    """Somebody who has a cookie of footfall's already. The test's name makes the public one, so that visits can be told
    apart."""
    port, served = wiki
    host = re.sub(r"\W+|_", "-", request.node.name)[5:35].strip("-") + ".example"
    sides = [Visitor(number, host=host.encode()) for number in (port, served.port)]
    reader = Reader(host, *sides, served.where)
    first, _ = (side.navigate(b"/doku.php") for side in reversed(sides))
    assert first.all(b"set-cookie")[-1].startswith(b"footfall=")
    reader.visits[f"{reader.here}/doku.php"] += 1
    yield reader
    for side in sides:
        side.close()


def links(page: bytes, base: str) -> tuple[set[str], set[str]]:
    """Addresses that a page leads to, and those that it loads."""
    soup = BeautifulSoup(page, "html.parser")
    leads = {urljoin(base, str(tag["href"])) for tag in soup.select("a[href]")}
    leads |= {urljoin(base, str(tag["action"])) for tag in soup.select("form[action]")}
    loads = {urljoin(base, str(tag["src"])) for tag in soup.select("img[src], script[src]:not([data-page])")}
    loads |= {urljoin(base, str(tag["href"])) for tag in soup.select("link[href]")}
    return leads, loads


NOT_FOLLOWED = re.compile(r"do=(logout|admin)|taskrunner|sectok=|feed\.php")
"""What changes something or works in the background, and the feed, which is made anew at every second."""


def test_f9_every_link_stays_on_the_public_host_and_leads_to_what_it_leads_to_without_footfall(reader: Reader) -> None:
    waiting, read, loaded = [START, "/", "/doku.php?id=wiki:syntax", "/doku.php?id=none"], set(), set()
    origins: Counter[str] = Counter()
    reader.log_in()
    while waiting and len(read) < PAGES:
        target = waiting.pop(0)
        if target in read:
            continue
        read.add(target)
        answer = reader.read(target)
        assert (answer.get(b"location") or reader.here.encode()).startswith(reader.here.encode())
        leads, loads = links(answer.body, reader.here + target)
        for address in sorted(leads | loads):
            parts = urlsplit(address)
            local = parts._replace(scheme="", netloc="", fragment="").geturl()
            origins[f"{parts.scheme}://{parts.netloc}"] += 1
            if parts.netloc == reader.host and not NOT_FOLLOWED.search(local):
                if address in leads:
                    waiting.append(local)
                elif local not in loaded:
                    loaded.add(local)
                    reader.load(local)
    feed = reader.proxy.load(b"/feed.php").body.decode()
    assert feed.count(reader.here) > 5 and "127.0.0.1" not in feed
    assert len(read) == PAGES and len(loaded) > FILES and origins[reader.here] > 1_000
    assert not [origin for origin in origins if re.search(r"\.example|127\.0\.0\.1", origin) and origin != reader.here]
    reader.done()


def hidden(page: bytes) -> dict[str, str]:
    """The fields of the form in which a page is edited."""
    form = BeautifulSoup(page, "html.parser", from_encoding="utf-8").select_one("form#dw__editform")
    assert form is not None
    return {str(tag["name"]): str(tag["value"]) for tag in form.select("input[type=hidden]")}


def edited(side: Visitor, page: str) -> list[tuple[int, bytes, bytes]]:
    """Log in, write a page, read it: statuses, redirects and the page, without what is the page's own name."""
    steps: list[Answer] = []

    def ask(method: bytes, address: str, **form: str) -> Answer:
        body = urlencode(form).encode()
        answer = side.ask(method, address.encode(), [*NAVIGATION, FORM] if form else NAVIGATION, body)
        steps.append(answer)
        return answer

    ask(b"POST", f"{START}&do=login", id="start", do="login", u=NAME, p=PASSWORD)
    here = f"/doku.php?id={page}"
    fields = hidden(ask(b"GET", f"{here}&do=edit").body)
    previewed = ask(b"POST", here, **fields, wikitext=SAVED, summary="first", **{"do[preview]": "1"})
    assert b"<strong>words</strong>" in previewed.body
    ask(b"POST", here, **hidden(previewed.body), wikitext=SAVED, summary="first", **{"do[save]": "1"})
    assert b"<strong>words</strong>" in ask(b"GET", here).body
    ask(b"GET", f"{here}&do=revisions")
    name = page.encode()
    told = [settled(answer) for answer in steps]
    return [
        (one.status, (one.get(b"location") or b"").replace(name, b"page"), untagged(one.body)[0].replace(name, b"page"))
        for one in told
    ]


def test_whoever_logs_in_and_edits_a_page_saves_it_as_they_would_without_footfall(reader: Reader) -> None:
    direct, through = edited(reader.wiki, "alone"), edited(reader.proxy, "front")
    assert [status for status, *_ in through] == [302, 200, 200, 302, 200, 200]
    assert through[3][1] == f"{reader.here}/doku.php?id=page".encode()
    for number, (one, other) in enumerate(zip(direct, through, strict=True)):
        assert one[:2] == other[:2]
        assert one[2] == other[2], (number, difference(one[2], other[2]))
    pages = reader.where / "wiki" / "data" / "pages"
    assert (pages / "front.txt").read_text() == (pages / "alone.txt").read_text() == SAVED
    front = f"{reader.here}/doku.php?id=front"
    reader.visits.update([f"{front}&do=edit", front, front, f"{front}&do=revisions"])
    reader.done()


def uploaded(side: Visitor, name: str, token: str) -> Answer:
    """A file as the wiki's own script sends it."""
    head = b'--line\r\nContent-Disposition: form-data; name="qqfile"; filename="%b"\r\n\r\n' % name.encode()
    kind = (b"Content-Type", b"multipart/form-data; boundary=line")
    target = f"/lib/exe/ajax.php?call=mediaupload&ns=&qqfile={name}&sectok={token}".encode()
    return side.ask(b"POST", target, [*SUBRESOURCE, kind], head + UPLOADED + b"\r\n--line--\r\n")


def test_a_file_is_uploaded_and_read_again_in_parts(reader: Reader) -> None:
    reader.log_in()
    reader.read(f"{START}&do=edit")
    for side, name in ((reader.wiki, "alone.zip"), (reader.proxy, "front.zip")):
        answer = uploaded(side, name, reader.tokens[side])
        # The wiki says so in the field for errors; that it is the same without footfall is what matters here.
        assert (answer.status, answer.body) == (200, b'{"error":"Upload successful","ns":""}')
        assert (reader.where / "wiki" / "data" / "media" / name).read_bytes() == UPLOADED
    here = "/lib/exe/fetch.php?media=front.zip"
    whole = reader.load(here)
    assert whole.body == UPLOADED and whole.get(b"content-length") == b"%d" % len(UPLOADED)
    for name, value, status, body in [
        (b"Range", b"bytes=1000000-1999999", 206, UPLOADED[1_000_000:2_000_000]),
        (b"Range", b"bytes=2999000-", 206, UPLOADED[2_999_000:]),
        (b"If-None-Match", whole.all(b"etag")[0], 304, b""),
    ]:
        answer = reader.both(b"GET", here, [*SUBRESOURCE, (name, value)])
        assert (answer.status, answer.body) == (status, body)
    reader.done()


def origins_of(visitor: Visitor, *fields: tuple[bytes, bytes]) -> set[str]:
    """How the wiki's own links begin for who sends these fields."""
    page = visitor.navigate(START.encode(), *fields).body
    found = (urlsplit(address) for side in links(page, "") for address in side)
    return {f"{parts.scheme}://{parts.netloc}" for parts in found if parts.netloc.endswith(".example")}


def test_f8_behind_a_terminator_its_links_are_https_and_nobody_else_can_say_so(reader: Reader, tmp_path: Path) -> None:
    said = (b"X-Forwarded-Proto", b"https")
    assert origins_of(reader.wiki, said) == {f"https://{reader.host}"}
    assert origins_of(reader.proxy, said) == {reader.here}
    with serving(tmp_path, reader.wiki.port, site__trusted_proxies="127.0.0.1") as served:
        assert origins_of(Visitor(served.port, host=reader.proxy.host), said) == {f"https://{reader.host}"}
