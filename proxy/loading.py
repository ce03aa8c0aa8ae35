"""What only some commands and configurations need is loaded when it is asked for.

Law: the only module that loads by name. Three processes that import everything take 2 s of CPU before the first page
is served, and a worker some megabytes for what its site does not use.
"""

from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from proxy.intake.claims import Verifier

COMMANDS = {
    "serve": "serve:serve",
    "demo": "serve:demo",
    "report": "report:report",
    "export": "keep:export",
    "import": "keep:import_export",
    "audit": "audit:audit",
    "backup": "keep:backup",
    "forget": "keep:forget",
    "doctor": "keep:doctor",
    "events": "events:events",
    "key": "key:key",
    "reconcile": "reconcile:reconcile",
    "check": "check:check",
}
"""module:function below `proxy.commands`."""
CHILDREN = {
    "worker": "worker:worker",
    "writer": "writer:writer",
    "report-site": "reportsite:report_site",
    "demo-visitors": "demovisitors:demo_visitors",
    "demo-site": "demosite:demo_site",
}
"""The same of the hidden commands by which a running footfall starts its processes."""

Command = Callable[[Namespace], int]
Keys = Sequence[tuple[str, bytes]]


def command(name: str) -> Command:
    """What does it: takes the arguments, returns the exit code."""
    module, _, function = {**COMMANDS, **CHILDREN}[name].partition(":")
    found: Command = getattr(import_module(f"proxy.commands.{module}"), function)
    return found


def verifier(keys: Keys, audience: str) -> Verifier:
    """Who verifies tokens with these keys (proxy/intake/tokens.py). Raises BadKey (proxy/intake/claims.py)."""
    made: Callable[[Keys, str], Verifier] = import_module("proxy.intake.tokens").Tokens
    return made(keys, audience)


def visitor_page(config: object, keys: Sequence[object], tracking: object) -> Any:
    """Who answers the addresses of the visitor's page (proxy/visitorpage.py, `PrivacyPage.answers`)."""
    return import_module("proxy.visitorpage").privacy_of(config, keys, tracking).answers()


def report_keeper(config: object, erasure_keys: Sequence[bytes]) -> Any:
    """What the report does for one visitor (proxy/reportkeeper.py, `ReportKeeper`): it brings all that writes."""
    return import_module("proxy.reportkeeper").ReportKeeper(config, erasure_keys)


def footfall() -> object:
    """What `from proxy import Footfall` is."""
    return import_module("proxy.app").Footfall
