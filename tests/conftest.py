"""For all tests: examples of the property tests, where their files are, and what a shell may have changed for whoever
it starts."""

import gc
import os
import shutil
import signal
import tempfile
from pathlib import Path

from hypothesis import settings

# A machine that does something else for a moment is no failure; and a run that fails says something of the change, not
# of the dice: new examples are `make fuzz`'s to find.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("same")

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3


def files_in_memory() -> None:
    """A store of its own for every example is as many times waiting for the disk to have written it, which is of use
    after a power cut alone: no test makes one. TMPDIR says otherwise."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    has_room = os.access(MEMORY, os.W_OK) and min(free, shutil.disk_usage(MEMORY).free) > ROOM_BYTES
    if "TMPDIR" not in os.environ and has_room:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def compiled_once() -> None:
    """Hundreds of processes are started: each would compile all of its modules anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    files_in_memory()
    compiled_once()
    as_if_started_by_hand()


def pytest_collection_finish() -> None:
    """All modules and tests are there for good: to look through them again and again for what may be let go takes a
    third of the CPU of whatever makes many objects, as the reading of a page does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def as_if_started_by_hand() -> None:
    """A job in the background of a script is started with SIGINT ignored, and would hand that on to what it starts:
    the tests that stop a process with Ctrl-C would wait for ever."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
