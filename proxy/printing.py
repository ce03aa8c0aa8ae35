"""What the commands write on the terminal, or wherever it goes.

Law: the only module that prints. What was asked for goes to standard output, everything about the running to standard
error; an error is one line.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from proxy.progress import Progress
from proxy.screen import has_colour

GOOD, PROBLEM, USAGE = 0, 1, 2
"""Exit codes."""


def print_lines(lines: Iterable[str]) -> int:
    """What was asked for, on standard output. A reader that has seen enough, as in `export | head`, is no problem."""
    try:
        for line in lines:
            print(line)
        print(end="", flush=True)
    except OSError as wrong:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's last flush fails as well
        if isinstance(wrong, BrokenPipeError):
            return GOOD
        return fail(f"cannot write to standard output: {wrong.strerror}", PROBLEM)
    return GOOD


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Whoever is told how far a command is: a bar on a terminal, lines elsewhere."""
    shown = Progress(is_bar=has_colour(sys.stderr), now=time.monotonic())
    try:
        yield lambda title, done, total: draw(shown.at(title, done, total, time.monotonic()))
    finally:
        draw(shown.end())


def is_wanted(question: str) -> bool:
    """Asked only where somebody sits; elsewhere it takes an option."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    draw(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def draw(text: str) -> None:
    if text:
        with contextlib.suppress(OSError):
            print(text, end="", file=sys.stderr, flush=True)


def say(line: str) -> None:
    print_error(f"footfall: {line}")


def print_error(line: str) -> None:
    """Where nobody reads any more, as behind `| tee log` without its tee, the site is served all the same."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def fail(line: str, code: int) -> int:
    say(" ".join(line.split()))
    return code
