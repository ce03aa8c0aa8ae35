"""How far a long piece of work is: a bar on a terminal, a line every now and then elsewhere; on standard error."""

import sys
import time

from benchmarks.command import say
from proxy.screen import has_colour

WIDTH = 30
DRAWN_EVERY_SECONDS = 0.1
SAID_EVERY_SECONDS = 30.0
DONE, OPEN = "#", "-"
START_OF_LINE, CLEARED = "\r", "\033[K"


class Progress:
    """`at(done)` as often as one likes; `end` takes the bar away."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = max(1, total)
        self._begun = self._shown = time.monotonic()
        self._is_bar = has_colour(sys.stderr)  # what has no colours, or wants none, gets whole lines

    def at(self, done: int) -> None:
        now = time.monotonic()
        if now - self._shown < (DRAWN_EVERY_SECONDS if self._is_bar else SAID_EVERY_SECONDS):
            return
        self._shown = now
        text = f"{min(done / self._total, 1):4.0%}, {self._left(done, now)}"
        if not self._is_bar:
            say(f"{self._title}: {text.strip()}")
            return
        full = min(WIDTH, WIDTH * done // self._total)
        bar = DONE * full + OPEN * (WIDTH - full)
        print(f"{START_OF_LINE}{CLEARED}bench: {self._title} [{bar}] {text}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._is_bar:
            print(f"{START_OF_LINE}{CLEARED}", end="", file=sys.stderr, flush=True)

    def _left(self, done: int, now: float) -> str:
        """What is still to come at the pace so far."""
        if not done:
            return "..."
        seconds = (now - self._begun) * max(0, self._total - done) / done
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"
