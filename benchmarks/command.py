"""What the commands share: options, the programs they need, the machine they ran on, and one line for what goes wrong.

Progress goes to standard error, the result to standard output; neither is coloured, NO_COLOR or not.
"""

import argparse
import datetime
import os
import platform
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu import CpuError
from benchmarks.load import LoadError, whole
from benchmarks.process import StartError
from benchmarks.rows import CountError
from proxy.store.base import StoreError

GOOD, PROBLEM, USAGE = 0, 1, 2
REQUESTS, QUICK_REQUESTS = 8_000, 2_000
"""Of one run; the full number keeps footfall busy for about a second."""
ROUNDS, QUICK_ROUNDS = 7, 3
PACKAGES = {"nginx": "nginx", "h2load": "nghttp2-client", "valgrind": "valgrind", "vgdb": "valgrind"}
"""Debian's, by program."""
SERVER_DIRECTORIES = "/usr/local/sbin:/usr/sbin"
"""Debian's nginx is there, which is not in everybody's PATH."""
PROBLEMS = (CpuError, LoadError, CountError, StartError, StoreError, OSError)


class UsageError(Exception):
    """It cannot be run like this, or here; one line."""


@dataclass(frozen=True, slots=True)
class Programs:
    nginx: str
    h2load: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured, with what, and where its files are."""

    programs: Programs
    where: Path
    rounds: int
    requests: int


def parser(about: str) -> argparse.ArgumentParser:
    """The options of the commands that measure requests."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=about)
    options.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of {QUICK_REQUESTS} requests")
    options.add_argument("--rounds", type=positive, help=f"rounds, each measures everything once ({ROUNDS})")
    options.add_argument("--requests", type=positive, help=f"requests of a run ({REQUESTS})")
    return options


def positive(text: str) -> int:
    """A whole number from 1, as an option has it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text!r}")
    return int(text)


def run(given: argparse.Namespace, command: Callable[[Plan], int]) -> int:
    """Run `command` with a directory that is gone afterwards."""
    return guarded(lambda: _run(given, command))


def _run(given: argparse.Namespace, command: Callable[[Plan], int]) -> int:
    found = programs()
    rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    requests = whole(given.requests or (QUICK_REQUESTS if given.quick else REQUESTS))
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as where:
        return command(Plan(found, Path(where), rounds, requests))


def guarded(command: Callable[[], int]) -> int:
    """Run `command`; every expected failure is one line."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        return command()
    except UsageError as wrong:
        say(str(wrong))
        return USAGE
    except PROBLEMS as wrong:
        say(" ".join(str(wrong).split()))
        return PROBLEM
    except KeyboardInterrupt:
        return PROBLEM


def _leave(number: int, frame: object) -> None:
    """A polite end takes along what was started."""
    raise SystemExit(128 + number)


def say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def programs() -> Programs:
    """What `make bench` needs."""
    found = find_programs("nginx", "h2load")
    return Programs(found["nginx"], found["h2load"])


def find_programs(*names: str) -> dict[str, str]:
    """Where they are. Raises UsageError."""
    if not Path("/proc/self/task").is_dir():
        raise UsageError("CPU time is read from /proc, which this system does not have: Linux is needed")
    path = f"{os.environ.get('PATH', os.defpath)}:{SERVER_DIRECTORIES}"
    found = {name: shutil.which(name, path=path) for name in names}
    missing = " and ".join(name for name, place in found.items() if not place)
    if missing:
        *others, last = dict.fromkeys(PACKAGES[name] for name in names)
        needed = f"{', '.join(others)} and {last}"
        raise UsageError(f"{missing} not found: the Debian packages {needed} are needed")
    return {name: str(place) for name, place in found.items()}


def warn_if_busy() -> None:
    """Somebody else's load moves microseconds more than ratios."""
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"the machine is not idle (load {load:.1f}): trust the ratios, not the microseconds")


def versions(programs: Programs) -> tuple[str, str]:
    """Of the programs, as `machine` names them."""
    return f"nginx {_version(programs.nginx, '-v')}", f"h2load {_version(programs.h2load, '--version')}"


def sqlite_version() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


def machine(tools: Sequence[str]) -> str:
    """What it ran on, with which tools, and when."""
    parts = (
        f"{len(os.sched_getaffinity(0))} cores of {processor()}",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}{' of the system' if sys.base_prefix == '/usr' else ''}",
        *tools,
        datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    return ", ".join(parts)


def processor() -> str:
    """Its model, as the system names it."""
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _version(program: str, option: str) -> str:
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    found = re.search(r"/(\d[\w.]*)", done.stdout + done.stderr)
    return found[1] if found else "?"
