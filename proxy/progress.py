"""How far a long piece of work is: a bar on a terminal, a line every now and then elsewhere.

Law: says what to write and writes nothing; whoever has the screen does, and tells the time.
"""

WIDTH = 30
DRAWN_EVERY_SECONDS = 0.1
SAID_EVERY_SECONDS = 30.0
SLOW_SECONDS = 90
_DONE, _OPEN = "#", "-"
CLEARED = "\r\033[K"
"""What takes a bar away, for whoever has something to say beside it."""


class Progress:
    """`at` as often as one likes; what it returns is written as it is, '' is nothing. `end` takes the bar away.

    Args:
        is_bar: whether the screen can move its cursor.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, *, is_bar: bool, now: float) -> None:
        self._title = ""
        self._is_bar = is_bar
        self._begun = self._shown = now
        self._is_drawn = False

    def at(self, title: str, done: int, total: int, now: float) -> str:
        """So much is done of what is called `title`, such as "copying"; `total` 0: nobody knows of how much."""
        is_new = self._title not in ("", title)
        self._title = title
        if is_new:
            self._begun = now
        every = DRAWN_EVERY_SECONDS if self._is_bar else SAID_EVERY_SECONDS
        if now - self._shown < every and not (is_new and self._is_drawn):
            return ""
        self._shown, self._is_drawn = now, self._is_bar
        if not total:
            return f"{CLEARED}{title} ..." if self._is_bar else f"footfall: {title} ...\n"
        share = min(done / total, 1.0)
        text = f"{share:4.0%}, {self._left(share, now)}"
        if not self._is_bar:
            return f"footfall: {title}: {text.strip()}\n"
        full = int(WIDTH * share)
        return f"{CLEARED}{title} [{_DONE * full}{_OPEN * (WIDTH - full)}] {text}"

    def end(self) -> str:
        """It is over."""
        return CLEARED if self._is_drawn else ""

    def _left(self, share: float, now: float) -> str:
        """What is still to come at the pace so far."""
        if not share:
            return "..."
        seconds = (now - self._begun) * (1 - share) / share
        return f"{seconds / 60:.0f} min left" if seconds >= SLOW_SECONDS else f"{seconds:.0f} s left"
