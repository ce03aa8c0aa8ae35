"""The command line: reads arguments, runs one command, returns 0 (good), 1 (a problem) or 2 (usage, configuration).

What the commands do is in commands/, what they print in printing.py.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version

from proxy import loading
from proxy.arguments import parse
from proxy.config import ConfigError
from proxy.errors import StartError
from proxy.printing import PROBLEM, USAGE, fail
from proxy.secretfile import SecretFileError


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(sys.argv[1:] if arguments is None else arguments, version("footfall"))
    try:
        return loading.command(given.command)(given)
    except ConfigError as wrong:
        return fail(str(wrong), USAGE)
    except (StartError, SecretFileError) as wrong:
        return fail(str(wrong), PROBLEM)
    except KeyboardInterrupt:
        return PROBLEM
