"""`python -m judges [NAME...]`: every judge, or those that are named, and one line for each.

Exit codes: 0 nothing was found (what could not be had is said); 1 a judge has found something, or failed itself; 2
wrong usage.
"""

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.process import StartError
from judges import FOUND, GOOD, JUDGES, Unavailable

Judge = Callable[[list[str]], int]


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(
        prog="python -m judges",
        description="Let tools that are not ours judge footfall as it is run.",
        epilog="exit codes: 0 nothing found, 1 something found, 2 wrong usage",
    )
    options.add_argument("names", metavar="NAME", nargs="*", help=f"only these: {', '.join(JUDGES)} (all)")
    options.add_argument("--only", metavar="WORD", action="append", default=[], help="hand this word to the judges")
    given = options.parse_args(arguments)
    unknown = [name for name in given.names if name not in JUDGES]
    if unknown:
        options.error(f"no such judge: {', '.join(unknown)} (there are {', '.join(JUDGES)})")
    codes = [judged(name, given.only) for name in given.names or JUDGES]
    return FOUND if any(codes) else GOOD


def judged(name: str, words: list[str], find: Callable[[str], Judge] | None = None) -> int:
    begun = time.monotonic()
    try:
        code = (find or judge_of)(name)(words)
    except Unavailable as missing:
        say(f"{name}: not judged: {missing}")
        return GOOD
    except (StartError, OSError, subprocess.SubprocessError, ValueError) as wrong:
        say(f"{name}: failed: {' '.join(str(wrong).split())}")
        return FOUND
    say(f"{name}: {'found something' if code else 'nothing found'} ({time.monotonic() - begun:.0f} s)")
    return FOUND if code else GOOD


def judge_of(name: str) -> Judge:
    module = f"judges.{name}"
    try:
        found: Judge = importlib.import_module(module).main
    except ModuleNotFoundError as missing:
        reason = "there is no such judge yet" if missing.name == module else f"the package {missing.name} is missing"
        raise Unavailable(f"{reason} (scripts/setup-judge)") from None
    return found


def say(line: str) -> None:
    print(f"judge: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
