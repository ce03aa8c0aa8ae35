"""Judges that are not ours, on footfall as it is run: `make judge`, or `python -m judges [NAME...]`.

A judge is a module of this package in `JUDGES` with a function `main(words: list[str]) -> int`, which prints what it
has found and returns `GOOD` or `FOUND`; `words` narrow down what is judged, each judge in its own way, and none is
everything. What it needs and does not find is an `Unavailable`, or one line of its own and `GOOD`: a machine without a
tool is no fault of footfall's.

    slow           slowhttptest: slow heads, bodies and readers, while somebody else is served
    lint           httplint: no warning about a proxied answer that the direct one does not earn
    conversations  varnishtest: both sides scripted byte by byte (judges/vtc/*.vtc)
    injection      html5lib and parse5: the tag in its place, the tree without it as it was
    websocket      kosoku: Autobahn's cases, directly and through footfall
    policy         csp_evaluator: no policy is weaker behind footfall than before it

They are development tools: not in the wheel, and free to use the benchmarks' servers.
"""

from pathlib import Path

JUDGES = ("injection", "conversations", "lint", "policy", "slow", "websocket")
"""In the order in which they judge: the quick ones first."""
GOOD, FOUND, USAGE = 0, 1, 2
ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".judges"
"""What scripts/setup-judge installs, beside the environment: Python packages, and node_modules."""


class Unavailable(Exception):
    """A judge or its tool cannot be had; one line that says why."""
