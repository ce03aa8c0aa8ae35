"""An application that lets only scripts with its nonce run, under 'strict-dynamic': Adminer, as Debian has it.

One person works with a database of their own without footfall, another with it: the same pages, the same complaints in
the console, the same rows in the end; and every page's tag has the nonce of that page, runs and confirms the visit.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from applications import PASSWORD, adminer, needs_adminer
from fronts import PAGES_ONLY, proxied
from playwright.sync_api import Browser, Response

ENGINE_ALONE = True
pytestmark = needs_adminer
SQL = "INSERT INTO note (text) VALUES ('one'); SELECT text FROM note"
SCRIPTS = "[...document.scripts].map(script => [script.hasAttribute('data-page'), script.nonce])"
POLICY = re.compile(r"script-src 'self' 'unsafe-inline' 'nonce-([\w+/=]+)' 'strict-dynamic'; connect-src 'self'; ")
DATABASE = "/?sqlite=&username=&db=notes"
VISITS = [
    ("/", "Login - Adminer", "200"),
    (DATABASE, "Database: notes - Adminer", "200"),
    (f"{DATABASE}&sql=", "SQL command - Adminer", "200"),
    (f"{DATABASE}&sql={quote(SQL + ';', safe='()')}", "SQL command - Adminer", "200 POST"),
    (f"{DATABASE}&select=note", "Select: note - Adminer", "200"),
    (f"{DATABASE}&edit=note", "Insert: note - Adminer", "200"),
    (f"{DATABASE}&select=note", "Select: note - Adminer", "200"),
    (f"{DATABASE}&select=note", "Select: note - Adminer", "200"),
    ("/?sqlite=", "Login - Adminer", "200"),
]


@dataclass
class Seen:
    """What somebody saw who worked with Adminer."""

    complaints: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)


class Person:
    """Who works with it, and looks around on every page."""

    def __init__(self, browser: Browser, database: Path) -> None:
        self.seen = Seen()
        self.database = str(database)
        self.context = browser.new_context(locale="en-GB")
        self.context.set_default_timeout(10_000)
        self.context.on("console", lambda said: self.seen.complaints.append(f"{said.type}: {said.text}"))
        self.context.on("weberror", lambda error: self.seen.complaints.append(str(error.error)))
        self.context.on("response", self._remember)
        self.page = self.context.new_page()
        self._policy = ""

    def _remember(self, answer: Response) -> None:
        if answer.request.is_navigation_request() and answer.status == 200:
            self._policy = answer.headers["content-security-policy"]

    def goes(self, act: Callable[[], object]) -> None:
        """To another page. All scripts there have its policy's nonce, the tag too where there is one, and have run."""
        with self.page.expect_navigation(wait_until="load"):
            act()
        found = POLICY.match(self._policy)
        assert found is not None, self._policy
        scripts = self.page.evaluate(SCRIPTS)
        assert len(scripts) > 3 and {nonce for _, nonce in scripts} == {found[1]}
        assert self.page.locator("body.js").count() == 1
        self.seen.tags.append(sum(is_tag for is_tag, _ in scripts))
        self.seen.policies.append(self._policy.replace(found[1], "*"))
        self.seen.titles.append(self.page.title().replace(self.database, "notes"))

    def reads(self) -> None:
        table = self.page.locator("#content table").first
        self.seen.tables.append(table.inner_text())


def work(browser: Browser, url: str, database: Path) -> Seen:
    """Log in, write rows by command, by form and in place, log out."""
    with closing(sqlite3.connect(database)) as made:
        made.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
    person = Person(browser, database)
    page = person.page
    person.goes(lambda: page.goto(url))
    page.select_option("select[name='auth[driver]']", "sqlite")
    page.fill("input[name='auth[password]']", PASSWORD)
    page.fill("input[name='auth[db]']", str(database))
    person.goes(lambda: page.click("input[value=Login]"))
    page.wait_for_load_state("networkidle")  # a script asks how many rows there are
    person.reads()
    person.goes(lambda: page.click("#menu >> text=SQL command"))
    page.locator("pre.sqlarea").click()
    page.keyboard.insert_text(SQL)
    page.keyboard.press(";")  # the editor listens to keys
    person.goes(lambda: page.keyboard.press("Control+Enter"))
    person.reads()
    person.goes(lambda: page.click("#menu >> text=select"))
    person.goes(lambda: page.click("text=New item"))
    page.fill("textarea, input[name='fields[text]']", "two")
    person.goes(lambda: page.click("input[value=Save]"))
    page.locator("td", has_text="two").click(modifiers=["Control"])
    page.fill("#table textarea, #table td input[type=text]", "three")
    person.goes(lambda: page.click("input[value=Save]"))
    person.reads()
    person.goes(lambda: page.click("input[value=Logout]"))
    page.wait_for_load_state("networkidle")
    person.context.close()
    with closing(sqlite3.connect(database)) as read:
        assert read.execute("SELECT * FROM note ORDER BY id").fetchall() == [(1, "one"), (2, "three")]
    return person.seen


def test_the_tag_has_the_nonce_of_its_page_and_the_application_works_as_without_it(
    browser: Browser, tmp_path: Path
) -> None:
    alone, front = tmp_path / "alone", tmp_path / "front"
    with adminer(tmp_path / "adminer") as port:
        url = f"http://127.0.0.1:{port}"
        direct = work(browser, url, alone)
        with proxied(tmp_path / "footfall", url, **PAGES_ONLY) as footfall:
            through = work(browser, footfall.url, front)
            footfall.stop()
            lines = footfall.lines()
    assert direct.complaints == [] and len(direct.tables[0]) > 50
    assert (direct.tags, through.tags) == ([0] * len(VISITS), [1] * len(VISITS))
    assert (through.complaints, through.titles, through.tables, through.policies) == (
        direct.complaints,
        direct.titles,
        direct.tables,
        direct.policies,
    )
    told = [line.replace(quote(str(front), safe=""), "notes").replace(str(front), "notes") for line in lines]
    expected, before = ["A1 person session.start /"], ""
    for uri, title, how in VISITS:
        expected.append(f'A1 person page.visit {uri} "{title}" navigate {how} confirmed{before}')
        before = f" from {uri}"
    assert told == expected
