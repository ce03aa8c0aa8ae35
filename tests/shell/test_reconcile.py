"""Mixed requests of every kind through nginx, footfall and nginx: the outcomes add up to the requests, and both logs
are explained line by line.

10,000 requests in `make test`; RECONCILE_REQUESTS in the environment says another number, as 100000.
"""

import gzip
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from whole import (
    FIREFOX,
    NAVIGATION,
    NGINX,
    SUBRESOURCE,
    TAG,
    Fields,
    Visitor,
    nginx,
    outcomes,
    released,
    serving,
    stored,
)
from wire import ROOT

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

REQUESTS = int(os.environ.get("RECONCILE_REQUESTS", "10000"))
THREADS = 4
PEOPLE = 12
"""Of a thread; one in so many pages is somebody's first."""
NEW_EVERY = 15
GOOGLEBOT = (b"User-Agent", b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
ODD = (b"User-Agent", b'Odd "quoted" \\ \xff agent; rv:1.0')
BOT = [GOOGLEBOT, (b"Accept", b"text/html")]
CURL = [(b"User-Agent", b"tool/1.0 (by hand)"), (b"Accept", b"*/*")]
AJAX = [FIREFOX, (b"Accept", b"*/*"), (b"X-Requested-With", b"XMLHttpRequest")]
FRAMED = [(name, b"iframe" if name == b"Sec-Fetch-Dest" else value) for name, value in NAVIGATION]
ODD_PERSON = [ODD, *NAVIGATION[1:]]
SITE = """
        access_log {where}/access.log combined;
        default_type text/html;
        location /p/ {{ return 200 "<!doctype html><html><head><title>p</title></head><body>$uri</body></html>"; }}
        location /admin/ {{ return 200 "<!doctype html><html><head><title>a</title></head><body>a</body></html>"; }}
        location /missing/ {{ return 404 "<!doctype html><html><head><title>no</title></head><body>no</body></html>"; }}
        location /error/ {{ return 500 "<!doctype html><html><head><title>!</title></head><body>!</body></html>"; }}
        location /moved/ {{ return 302 /p/1; }}
        location /none/ {{ return 204; }}
        location /data/ {{ default_type application/json; return 200 "{{}}"; }}
        location /a/ {{ default_type text/css; return 200 "p {{ color: green }}"; }}
        location /broken/ {{ return 444; }}
        location /s/ {{ root {where}; }}
"""
FRONT = """
        access_log {where}/access.log combined;
        location / {{
            proxy_pass http://127.0.0.1:{port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Forwarded "";
            proxy_buffering off;
        }}
"""


@dataclass
class Crowd:
    """People, crawlers and programs of one thread; `counted` is what footfall has to say about them."""

    port: int
    seed: int
    counted: Counter[str] = field(default_factory=Counter)
    own: int = 0
    elsewhere: int = 0
    added: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._people = [Visitor(self.port) for _ in range(PEOPLE)]
        self._others = Visitor(self.port)
        self._etags: dict[int, bytes] = {}
        self._acts = {
            self.page: 30, self.asset: 30, self.bot: 6, self.redirect: 5, self.prefetch: 4, self.fragment: 3,
            self.frame: 2, self.opted_out: 4, self.excluded: 2, self.head: 3, self.form: 3, self.error: 2,
            self.program: 2, self.nothing: 2, self.failing: 1, self.refused: 1, self.again: 2, self.odd: 1,
            self.empty_agent: 1,
        }  # fmt: skip

    def run(self, number: int) -> None:
        try:
            acts, weights = list(self._acts), list(self._acts.values())
            while self.counted.total() < number:
                self._dice.choices(acts, weights)[0]()
        finally:
            for visitor in (*self._people, self._others):
                visitor.close()

    def ask(self, outcome: str, status: int, who: Visitor, target: str, fields: Fields, **more: bytes) -> bytes:
        method = more.get("method", b"GET")
        answer = who.ask(method, target.encode(), fields, more.get("body", b""))
        self.counted[outcome] += 1
        if answer.status != status:
            self.wrong.append(f"{method!r} {target}: {answer.status}")
        if (etag := answer.get(b"etag")) is not None and status == 200:
            self._etags[id(who)] = etag
        return answer.body

    def who(self) -> Visitor:
        place = self._dice.randrange(PEOPLE)
        if not self._dice.randrange(NEW_EVERY):
            self._people[place].close()
            self._people[place] = Visitor(self.port)
        return self._people[place]

    def where(self, folder: str) -> str:
        query = self._dice.choice(("", "", f"?a={self._dice.randrange(5)}", "?token=abc&b=%C3%A4", "?q=a+b%20c"))
        return f"/{folder}/{self._dice.randrange(40)}{query}"

    # Each of these is one request or two.

    def page(self) -> None:
        who, target = self.who(), self.where("p")
        body = self.ask("visit", 200, who, target, [*NAVIGATION, (b"Referer", b'http://shop.example/"x"')])
        if not self._dice.randrange(3):
            self.confirm(who, target, body)

    def confirm(self, who: Visitor, target: str, body: bytes) -> None:
        [page] = TAG.findall(body)
        confirm = {
            "id": UUID(int=self._dice.getrandbits(128), version=4).hex,
            "uri": f"http://shop.example{target}", "title": "p",
            "referrer": "", "nav": "navigate",
        }  # fmt: skip
        beacon = json.dumps({"v": 1, "page": page.decode(), "confirm": confirm, "events": []}).encode()
        fields = [*SUBRESOURCE[:-3], (b"Sec-Fetch-Site", b"same-origin"), (b"Origin", b"http://shop.example")]
        answer = who.ask(b"POST", b"/_footfall/events", [*fields, (b"Content-Type", b"text/plain")], beacon)
        self.own += 1
        if answer.status != 202:
            self.wrong.append(f"beacon: {answer.status} {answer.body!r}")

    def prefetch(self) -> None:
        who, target = self.who(), self.where("p")
        body = self.ask("prefetch", 200, who, target, [*NAVIGATION, (b"Sec-Purpose", b"prefetch;prerender")])
        if not self._dice.randrange(2):
            self.confirm(who, target, body)
            self.added += 1

    def asset(self) -> None:
        folder = self._dice.choice(("a", "a", "data"))
        self.ask("asset", 200, self.who(), self.where(folder), SUBRESOURCE)

    def bot(self) -> None:
        self.ask("bot", 200, self._others, self.where("p"), BOT)
        self.ask("asset", 200, self._others, self.where("a"), BOT)

    def redirect(self) -> None:
        self.ask("redirect", 302, self.who(), self.where("moved"), NAVIGATION)

    def fragment(self) -> None:
        self.ask("fragment", 200, self.who(), self.where("p"), AJAX)

    def frame(self) -> None:
        self.ask("frame", 200, self.who(), self.where("p"), FRAMED)

    def opted_out(self) -> None:
        self.ask("opted_out", 200, self._others, self.where("p"), [*NAVIGATION, (b"Sec-GPC", b"1")])

    def excluded(self) -> None:
        self.ask("excluded", 200, self.who(), self.where("admin"), NAVIGATION)

    def head(self) -> None:
        method = self._dice.choice((b"HEAD", b"HEAD", b"PUT"))
        self.ask("head_or_other", 200, self._others, self.where("p"), NAVIGATION, method=method)

    def form(self) -> None:
        self.ask("visit", 200, self.who(), self.where("p"), NAVIGATION, method=b"POST", body=b"name=a")

    def error(self) -> None:
        self.ask("visit", 404, self.who(), self.where("missing"), NAVIGATION)
        self.ask("visit", 500, self.who(), self.where("error"), NAVIGATION)

    def program(self) -> None:
        self.ask("other_html", 200, self._others, self.where("p"), CURL)

    def nothing(self) -> None:
        self.ask("asset", 204, self.who(), self.where("none"), SUBRESOURCE)

    def failing(self) -> None:
        self.ask("failed", 502, self._others, self.where("broken"), NAVIGATION, method=b"POST", body=b"a=1")

    def refused(self) -> None:
        """One that footfall refuses, and one that nginx does."""
        self.ask("refused", 404, self._others, "/%5Ffootfall/x", NAVIGATION)
        self._others.ask(b"TRACE", b"/p/1", NAVIGATION)
        self.elsewhere += 1

    def again(self) -> None:
        """A page that a browser has already."""
        who = self.who()
        self.ask("visit", 200, who, "/s/page.html", NAVIGATION)
        self.ask("visit", 304, who, "/s/page.html", [*NAVIGATION, (b"If-None-Match", self._etags[id(who)])])

    def odd(self) -> None:
        self.ask("visit", 200, self._others, self.where("p"), ODD_PERSON)
        self._others.cookies.clear()

    def empty_agent(self) -> None:
        self.ask("bot", 200, self._others, self.where("p"), NAVIGATION[1:])


@dataclass
class Run:
    where: Path
    front: Path
    site: Path
    counted: Counter[str]
    own: int
    elsewhere: int
    added: int
    seconds: float


def crowd(port: int) -> list[Crowd]:
    crowds = [Crowd(port, seed) for seed in range(THREADS)]
    threads = [threading.Thread(target=one.run, args=(REQUESTS // THREADS,)) for one in crowds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line for one in crowds for line in one.wrong] == []
    return crowds


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All of it once; the processes are over when the logs are read."""
    where = tmp_path_factory.mktemp("run")
    site, front = where / "site", where / "front"
    (site / "s").mkdir(parents=True)
    (site / "s" / "page.html").write_text("<!doctype html><html><head><title>s</title></head><body>s</body></html>")
    settings = {"site__trusted_proxies": "127.0.0.1", "tracking__exclude": "/admin/*"}
    with (
        nginx(site, http="", server=SITE.format(where=site)) as upstream,
        serving(where, upstream, workers=2, **settings) as served,
        nginx(front, http="", server=FRONT.format(where=front, port=served.port)) as port,
    ):
        begun = time.monotonic()
        crowds = crowd(port)
        seconds = time.monotonic() - begun
    counted = sum((one.counted for one in crowds), Counter())
    sums = {name: sum(getattr(one, name) for one in crowds) for name in ("own", "elsewhere", "added")}
    print(f"{counted.total():,} requests and {sums['own']:,} of footfall's own in {seconds:.1f} s")
    yield Run(where, front / "access.log", site / "access.log", counted, seconds=seconds, **sums)


def reconcile(run: Run, *words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    ours = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "FOOTFALL_TRACKING__EXCLUDE": "/admin/*"}
    command = [sys.executable, "-m", "proxy", "reconcile", *map(str, words)]
    return subprocess.run(command, cwd=run.where, env={**kept, **ours}, capture_output=True, input=stdin)


def told(run: Run, *words: str | Path, code: int = 0) -> dict[str, object]:
    done = reconcile(run, *words, "--json")
    assert done.returncode == code, (done.stdout[-3000:], done.stderr)
    return json.loads(done.stdout)


def by_outcome(said: dict[str, object], name: str = "lines") -> dict[str, int]:
    [days] = said["days"]
    return {row["outcome"]: row[name] for row in days["rows"] if row[name]}


def test_outcomes_add_up_to_the_requests_and_visits_to_the_events(run: Run) -> None:
    assert outcomes(run.where / "footfall.db") == dict(run.counted)
    lines = run.front.read_bytes().count(b"\n")
    assert run.counted.total() == lines - run.own - run.elsewhere >= REQUESTS
    views = stored(run.where / "footfall.db", "page.visit")
    served = [event for event in views if "status" in event["params"]]
    assert len(served) == run.counted["visit"] + run.counted["bot"]
    assert sum(event["lane"] == "bot" for event in served) == run.counted["bot"]
    assert len(views) - len(served) == run.added


def test_the_fronts_log_is_explained_to_the_line(run: Run) -> None:
    begun = time.monotonic()
    said = told(run, run.front, "--whole-days")
    print(f"{said['lines']:,} lines reconciled in {time.monotonic() - begun:.1f} s")
    assert said["lines"] == run.front.read_bytes().count(b"\n")
    assert by_outcome(said) == {**run.counted, "own": run.own, "elsewhere": run.elsewhere}
    assert by_outcome(said, "counted") == dict(run.counted)
    assert not any(row["difference"] for row in said["days"][0]["rows"])
    assert said["page_views_without_a_request"] == {"prerender": run.added}
    assert said["unexplained"] == [] and said["is_explained"] is True


def test_the_sites_own_log_is_explained_as_well(run: Run) -> None:
    said = told(run, run.site, "--whole-days", "--side", "site")
    expected = {name: n for name, n in run.counted.items() if name != "refused"}
    assert by_outcome(said) == expected and said["is_explained"] is True


def test_what_is_printed_says_all_of_it(run: Run) -> None:
    done = reconcile(run, run.front, "--whole-days")
    text = done.stdout.decode()
    assert done.returncode == 0 and text.endswith("Every line is explained.\n")
    for outcome, n in run.counted.items():
        assert re.search(rf"^  {outcome} +{n:,} +{n:,} +0  \S", text, re.MULTILINE), outcome


def test_a_compressed_log_and_standard_input_say_the_same(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress(run.front.read_bytes()))
    plain = told(run, run.front, "--whole-days")
    assert {**told(run, packed, "--whole-days"), "log": ""} == {**plain, "log": ""}
    piped = reconcile(run, "-", "--whole-days", "--json", stdin=run.front.read_bytes())
    assert {**json.loads(piped.stdout), "log": ""} == {**plain, "log": ""}
    packed.write_bytes(packed.read_bytes()[:-100])
    done = reconcile(run, packed)
    assert done.returncode == 1 and b"cut off or damaged" in done.stderr and done.stderr.count(b"\n") == 1


def test_of_a_part_of_a_day_only_page_views_are_compared(run: Run, tmp_path: Path) -> None:
    lines = run.front.read_bytes().splitlines(keepends=True)
    part = tmp_path / "part.log"
    part.write_bytes(b"".join(lines[len(lines) // 4 : len(lines) // 2]))
    said = told(run, part)
    assert all(not days["is_whole"] for days in said["days"])
    assert not any(row["counted"] for days in said["days"] for row in days["rows"])
    done = reconcile(run, part)
    assert b"only page views are compared" in done.stdout


def test_a_page_that_was_never_seen_here_is_named(run: Run, tmp_path: Path) -> None:
    lines = run.front.read_bytes().splitlines(keepends=True)
    stamp = re.search(rb"\[[^\]]+\]", lines[-1])
    assert stamp is not None
    strange = b'1.2.3.4 - - %b "GET /p/1 HTTP/1.1" 200 99 "-" "%b"\n' % (stamp[0], FIREFOX[1])
    file = tmp_path / "more.log"
    file.write_bytes(b"".join(lines) + strange + b"no line at all\n")
    said = told(run, file, "--whole-days", code=1)
    one, bad = said["unexplained"]
    assert (one["n"], bad["n"]) == (1, 1) and "no page view is stored" in one["why"]
    # The log does not tell it from others that are no page views: it is one of these.
    assert one["of"] > 1 and bad["lines"] == [
        {"number": len(lines) + 2, "text": "not in Combined Log Format: no line at all"}
    ]


def test_lines_that_are_missing_are_missed(run: Run, tmp_path: Path) -> None:
    lines = run.front.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    at = next(n for n in range(middle, len(lines)) if b'"POST /p/' in lines[n])
    file = tmp_path / "less.log"
    file.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    said = told(run, file, "--whole-days", code=1)
    target = lines[at].split(b'"')[1].split()[1].partition(b"?")[0].decode()
    # On a short run it may lie within the last seconds, of which lines may still be to come; then it is only counted.
    views = said["page_views_without_a_line"]
    assert [view["address"].partition("?")[0] for view in views] == [target] * len(views)
    assert sum(one["n"] for one in said["unexplained"]) == 1


def test_a_store_that_is_not_there_and_a_log_that_is_not(run: Run, tmp_path: Path) -> None:
    for words, why in (
        ((run.front, "--store", f"sqlite:///{tmp_path}/none.db"), b"nothing has been recorded there yet"),
        ((tmp_path / "none.log",), b"No such file or directory"),
    ):
        done = reconcile(run, *words)
        assert done.returncode == 1 and why in done.stderr and done.stderr.count(b"\n") == 1
    assert reconcile(run).returncode == 2 and reconcile(run, "x", "--side", "back").returncode == 2


def test_pages_that_were_let_go_early_are_no_more_and_no_less(run: Run) -> None:
    assert released(run.where / "footfall.db") <= run.counted["visit"]
