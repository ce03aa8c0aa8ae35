"""Half load: the 7 KB page at half of what a proxy can do, beside the site itself at the same rate right before.

The sender is a process of ours (benchmarks/field/steady.py), since h2load's connections all send at the same moment.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.field.figures import percentile
from benchmarks.load import CONNECTIONS, INSIDE, LoadError
from benchmarks.servers import SMALL

MOST_A_SECOND = 4_000
"""What the sender can do without being late itself."""
ENOUGH = 0.95
"""Of the rate; less means that it was not held."""


@dataclass(frozen=True, slots=True)
class Steady:
    """p50 and p99 in microseconds, and whether the rate was held."""

    times: tuple[float, float]
    is_held: bool
    requests: int


def rate_of(per_second: float) -> float:
    """Half of it, or MOST_A_SECOND."""
    return min(per_second / 2, MOST_A_SECOND)


def steady(port: int, cookies: Sequence[str], rate: float, seconds: float) -> Steady:
    """The page, so many times a second for so long. Raises LoadError where an answer is missing or is not 200."""
    told = {
        "port": port,
        "requests": [_request(port, cookie) for cookie in cookies],
        "rate": rate,
        "seconds": seconds,
        "connections": CONNECTIONS,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.field.steady"],
        input=json.dumps(told) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    said = json.loads(done.stdout or '{"wrong": "the sender ended"}')
    if "wrong" in said:
        raise LoadError(f"{SMALL}: {said['wrong']}")
    ordered = sorted(said["took"])
    times = percentile(ordered, 0.5), percentile(ordered, 0.99)
    return Steady(times, len(ordered) / said["seconds"] >= ENOUGH * rate, len(ordered))


def _request(port: int, cookie: str) -> str:
    authority = f"127.0.0.1:{port}"
    fields = (("host", authority), *INSIDE, ("cookie", cookie))
    lines = [f"{name}: {value.format(authority=authority)}\r\n" for name, value in fields]
    return f"GET {SMALL} HTTP/1.1\r\n{''.join(lines)}\r\n"
