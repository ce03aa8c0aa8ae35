"""The words in which a walk through the shop is planned: how one comes to a page, what is done there and how long.

Law: plain data. A plan names pages and elements as a person sees them; times are ms of real time.
"""

from dataclasses import dataclass

from proxy.demo.people import Device


@dataclass(frozen=True, slots=True)
class Look:
    """The pointer comes after `wait_ms` and rests on the element for `dwell_ms`."""

    name: str
    wait_ms: int
    dwell_ms: int


@dataclass(frozen=True, slots=True)
class Press:
    """A click that leads nowhere else."""

    name: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Something is typed into a field, or chosen, or ticked, which takes `dwell_ms`."""

    form: str
    field: str
    value: str
    wait_ms: int
    dwell_ms: int


@dataclass(frozen=True, slots=True)
class Arrive:
    """From outside: an address typed, or a link of another site (`referrer`)."""

    referrer: str = ""


@dataclass(frozen=True, slots=True)
class Follow:
    """A link of the page before, by its name; the pointer is on it for `aim_ms` before the click."""

    name: str
    aim_ms: int


@dataclass(frozen=True, slots=True)
class Submit:
    """A form of the page before, by its name."""

    form: str
    aim_ms: int


@dataclass(frozen=True, slots=True)
class Reload:
    """The same page once more."""


Act = Look | Press | Fill
Move = Arrive | Follow | Submit | Reload


@dataclass(frozen=True, slots=True)
class Step:
    """One page: how one comes to it, the path (and query) that an arrival asks for, the path that is shown in the end
    and with which status, what is done on it, and for how long it is read after that."""

    move: Move
    ask: str
    shown: str
    status: int
    acts: tuple[Act, ...]
    read_ms: int
    scroll_pct: int

    @property
    def lasts_ms(self) -> int:
        done = sum(one.wait_ms + (0 if isinstance(one, Press) else one.dwell_ms) for one in self.acts)
        aim = self.move.aim_ms if isinstance(self.move, Follow | Submit) else 0
        return done + self.read_ms + aim


@dataclass(frozen=True, slots=True)
class Plan:
    """One visitor's walk: begins `start_ms` after the beginning of all."""

    start_ms: int
    device: Device
    language: str
    steps: tuple[Step, ...]
