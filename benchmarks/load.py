"""The load: h2load with a fixed number of requests, as the browsers of several visitors at once would send them.

h2load sends one set of header fields, so each visitor is an h2load of its own: `LOADERS` of them run side by side, each
with its connections and its cookie. Another round is other visitors.
"""

import contextlib
import http.client
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOADERS = 8
"""h2loads side by side. From 1 to 32 of them made no difference that stood out of the noise; each more is a start more
while the others already run."""
CONNECTIONS = 32
"""Of all loaders together, kept alive."""
VISITORS = 64
"""Returning visitors that take turns, LOADERS others in each round: 32 different ones in the warm-up and 3 rounds."""
SECONDS = 300
"""For one run; a run that takes longer is stuck."""

Fields = tuple[tuple[str, str], ...]

BROWSER: Fields = (
    ("sec-ch-ua", '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en-US;q=0.9,en;q=0.8"),
)
NAVIGATION: Fields = (
    *BROWSER,
    ("upgrade-insecure-requests", "1"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
)
INSIDE: Fields = (*NAVIGATION, ("sec-fetch-site", "same-origin"), ("referer", "http://{authority}/"))
"""The next page of a visitor. With Host and Cookie 15 fields, which is what Chrome sends besides Connection."""
ARRIVING: Fields = (*NAVIGATION, ("sec-fetch-site", "cross-site"), ("referer", "https://search.example/"))
"""The first page: no cookie yet."""
IMAGE: Fields = (
    *BROWSER,
    ("accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "image"),
    ("sec-fetch-site", "same-origin"),
    ("referer", "http://{authority}/"),
)

_DONE = re.compile(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded")
_STATUSES = {200: re.compile(r"status codes: (\d+) 2xx"), 300: re.compile(r"status codes: \d+ 2xx, (\d+) 3xx")}


class LoadError(Exception):
    """h2load, or what it was pointed at, did not do what was asked; one line."""


@dataclass(frozen=True, slots=True)
class Request:
    """What every loader asks for; `{authority}` in a field is the subject's host and port. `body`: a file that is
    posted; `statuses`: the hundred that its answers have to be of."""

    path: str
    fields: Fields
    body: Path | None = None
    statuses: int = 200


@dataclass(frozen=True, slots=True)
class Timed:
    """How many answers a second there were while all loaders ran, and how long each answer took, in microseconds."""

    per_second: float
    took: tuple[int, ...]


def whole(requests: int) -> int:
    """The nearest number of requests, not less, that the connections can share evenly."""
    return -(-requests // CONNECTIONS) * CONNECTIONS


def run(
    h2load: str, port: int, request: Request, requests: int, cookies: Sequence[str | None], logs: Path | None = None
) -> None:
    """`requests` answered requests over CONNECTIONS connections, one loader for each of `cookies`. `logs`: a directory
    in which each loader leaves its times, for `timed`.

    Raises:
        LoadError: an answer is missing or is not of `request.statuses`.
    """
    share = requests // len(cookies), CONNECTIONS // len(cookies)
    loaders = [
        subprocess.Popen(
            _command(h2load, port, request, *share, cookie, logs / str(at) if logs else None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for at, cookie in enumerate(cookies)
    ]
    try:
        said = [loader.communicate(timeout=SECONDS)[0] for loader in loaders]
    except subprocess.TimeoutExpired:
        raise LoadError(f"h2load on {request.path} did not end within {SECONDS} s") from None
    finally:
        for loader in loaders:
            if loader.poll() is None:
                loader.kill()
                loader.wait()
    status = _STATUSES[request.statuses]
    good = sum(min(_number(_DONE, text), _number(status, text)) for text in said)
    if good != requests:
        last = next((text for text in said if "failed" in text), said[0]).strip().splitlines()[-1:]
        raise LoadError(f"{request.path}: {good} of {requests} requests were answered well: {' '.join(last)}")


def timed(logs: Path) -> Timed:
    """What the loaders of a run left there, which is gone afterwards. Their starts and ends are left out of the rate:
    a run's first and last fifth."""
    lines = [line.split("\t") for log in logs.iterdir() for line in log.read_text().splitlines()]
    for log in logs.iterdir():
        log.unlink()
    begun, took = [int(line[0]) for line in lines], tuple(int(line[2]) for line in lines)
    return Timed(rate(sorted(map(sum, zip(begun, took, strict=True)))), took)


def rate(ended: Sequence[int]) -> float:
    """Answers a second in the middle three fifths of these moments, which are microseconds in order."""
    first, last = len(ended) // 5, len(ended) - 1 - len(ended) // 5
    return (last - first) * 1_000_000 / max(1, ended[last] - ended[first])


def _command(
    h2load: str, port: int, request: Request, n: int, connections: int, cookie: str | None, log: Path | None
) -> list[str]:
    fields = [*request.fields, ("cookie", cookie)] if cookie else list(request.fields)
    authority = f"127.0.0.1:{port}"
    words = [word for name, value in fields for word in ("-H", f"{name}: {value.format(authority=authority)}")]
    files = ["-d", str(request.body)] if request.body else []
    if log:
        files.append(f"--log-file={log}")
    load = ["--h1", "-n", str(n), "-c", str(connections), "-t", "1"]
    return [h2load, *load, *words, *files, f"http://{authority}{request.path}"]


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What a new visitor gets: the Set-Cookie field's value and the page."""

    set_cookie: str
    body: bytes

    @property
    def cookie(self) -> str:
        return self.set_cookie.partition(";")[0]


def first_visits(port: int, request: Request, number: int) -> list[FirstAnswer]:
    """As many new visitors, one request each. Raises LoadError where one gets no cookie."""
    answers = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        for _ in range(number):
            answer, body = asked(connection, request)
            set_cookie = answer.getheader("set-cookie")
            if answer.status != 200 or not set_cookie:
                raise LoadError(f"{request.path}: a first visit was answered {answer.status}, cookie: {set_cookie}")
            answers.append(FirstAnswer(set_cookie, body))
    return answers


def asked(connection: http.client.HTTPConnection, request: Request) -> tuple[http.client.HTTPResponse, bytes]:
    """One answer, and all of its body."""
    fields = {name: value.format(authority=f"127.0.0.1:{connection.port}") for name, value in request.fields}
    connection.request("GET", request.path, headers=fields)
    answer = connection.getresponse()
    return answer, answer.read()
