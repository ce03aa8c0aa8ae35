"""How far a long piece of a benchmark is, on standard error."""

import sys
import time

from proxy.progress import Progress as Shown
from proxy.screen import has_colour


class Progress:
    """`at(done)` as often as one likes; `end` takes the bar away."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        # What has no colours, or wants none, gets whole lines.
        self._shown = Shown(is_bar=has_colour(sys.stderr), now=time.monotonic())

    def at(self, done: int) -> None:
        print(self._shown.at(self._title, done, self._total, time.monotonic()), end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        print(self._shown.end(), end="", file=sys.stderr, flush=True)
