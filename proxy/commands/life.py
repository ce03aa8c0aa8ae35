"""What those of the started processes have in common that serve somebody.

Law: that a process answers, it says by one byte on a pipe, and to nobody where nobody waits for it any more.
"""

import argparse
import contextlib
import os
from functools import partial

from proxy.http.accepting import Tally
from proxy.http.life import Life


def life(given: argparse.Namespace) -> Life:
    """Of a server that says when it answers, ends with its parent, and leaves the others their share if there are."""
    tally = None if given.tally is None else Tally(given.tally, given.place)
    return Life(given.lifeline, partial(_say_ready, given.ready), tally=tally)


def _say_ready(pipe: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        os.write(pipe, b"r")
    os.close(pipe)
