"""What those of the started processes have in common that serve somebody."""

import argparse
from functools import partial

from proxy.commands.started import say_ready
from proxy.http.accepting import Tally
from proxy.http.life import Life


def life(given: argparse.Namespace) -> Life:
    """Of a server that says when it answers, ends with its parent, and leaves the others their share if there are."""
    tally = None if given.tally is None else Tally(given.tally, given.place)
    return Life(given.lifeline, partial(say_ready, given.ready), tally=tally)
