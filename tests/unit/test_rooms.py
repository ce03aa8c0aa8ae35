"""The house rules as data: who may import whom, who is pure, who alone touches a library, how long a text may be."""

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.loading import CHILDREN, COMMANDS, command

PACKAGE = Path(__file__).parents[2] / "proxy"
MODULE_LINES = 300
FUNCTION_LINES = 50

# room: what it may import of ours, besides itself. A dotted name stands for itself and all below it.
ROOMS: dict[str, set[str]] = {
    "events": set(),
    "visitors": {"events"},
    "page": set(),
    "http": set(),
    # All of visitors, not only its sessions: who a beacon belongs to, what it confirms and which lane a visit is in
    # can only be decided inside the transaction, against the store's own state, or two processes would disagree.
    "store.base": {"events", "store.counters", "store.done", "visitors"},
    "store.done": set(),
    "store.counters": set(),
    "store.sqlite": {"store.base", "store.counters", "store.questions", "events", "visitors"},
    "store.questions": {"events"},
    # What reads pickle is apart from all that a visitor's bytes come near.
    "store.handover": {"store.base", "visitors.erased"},
    "store": {"store.base"},
    "intake": {"events", "visitors", "store.base", "store.counters"},
    "report": {"store.base", "store.questions", "events", "paper"},
    "demo": set(),
    "listening": {"errors"},
    "children": set(),
    "crew": {"children", "http.accepting"},
    "supervisor": {"children", "crew", "listening"},
    "jobs": {"apikeys", "certificates", "children", "config", "keys", "reporttoken", "screen", "visitors"},
    "reloading": {"children", "config", "errors", "files", "jobs", "keys", "printing", "secretfile"},
    "arguments": {"options", "typed"},
    "options": {"typed"},
    "typed": set(),
    "checks": set(),
    "definitions": {"events"},
    "vocabulary": {"events"},
    "certificates": {"http", "tables"},
    "apikeys": {"errors", "intake", "loading", "tables"},
    "errors": set(),
    "clock": set(),
    "loading": {"intake.claims"},  # and, by name, what its tables say
    "rulebook": {"definitions", "events"},
    "tables": {"checks", "definitions", "rulebook"},
    "config": {"checks", "definitions", "rulebook", "tables"},
    "tracking": {"events", "visitors", "page", "intake", "store.base"},  # the middleware; knows no proxy
    # The visitor's page: who a browser is and whether it is recorded, the middleware says; it reads as the report does.
    "privacy": {"events", "visitors", "intake", "page.eligibility", "tracking", "store.base", "store.questions"},
    "visitorpage": {"definitions", "files", "held", "privacy", "tables", "tracking", "visitors"},
    "held": {"definitions", "store", "tables"},
    "scripts": set(),
    "endpoints": {"tracking", "intake", "page.eligibility", "privacy", "scripts"},
    "keys": {"secretfile", "visitors.cookie"},
    "secretfile": set(),
    "screen": {"checks", "tables"},
    "files": {"definitions", "errors", "events", "keys", "secretfile", "store", "tables", "visitors"},
    "reporting": {"clock", "definitions", "report", "store", "tables", "vocabulary"},
    "reportsite": {"clock", "definitions", "http", "loading", "report", "store", "tables", "visitors", "vocabulary"},
    "reportkeeper": {"clock", "events", "files", "forgetting", "held", "report", "store", "tables", "visitors"},
    "recording": {"config", "files", "intake", "store.handover", "visitors"},
    "reporttoken": {"secretfile"},
    "backup": {"errors", "files", "store"},
    "forgetting": {"errors", "files", "store", "tables", "visitors"},
    "doctor": {"errors", "files", "store", "tables"},
    "importing": {"errors", "events", "files", "lines", "store", "tables"},
    "lines": set(),
    # The table of outcomes, the reserved prefix and what a User-Agent tells are asked, not written down again; the
    # words for outcomes are the report's.
    "reconciling": {"http.gate", "intake.visits", "page", "report.balance", "visitors"},
    "reconciling.run": {
        *("errors", "events", "files", "intake.visits", "lines", "page", "reconciling", "store", "tables", "visitors"),
    },
    "audit": {"events", "page", "paper"},
    "auditing": {"audit", "events"},
    "paper": set(),
    "progress": set(),
    "printing": {"progress", "screen"},
    "lifespan": set(),
    "asgi": set(),
    "passing": set(),
    "bounded": set(),  # a word of our language, like a container of the standard library
    "fieldlist": set(),
    "app": {
        "apikeys",
        "certificates",
        "clock",
        "config",
        "events",
        "definitions",
        "endpoints",
        "files",
        "http",
        "lifespan",
        "loading",
        "page",
        "recording",
        "privacy.late",
        "visitors",
        "intake",
        "scripts",
        "tracking",
        "tuning",
    },
    "tuning": set(),
    "serving": {
        *("children", "config", "files", "jobs", "listening", "printing", "reloading", "reporttoken", "screen"),
        *("secretfile", "supervisor"),
    },
    "commands.given": {"config"},
    "commands.started": set(),
    "commands.life": {"commands.started", "http.accepting", "http.life"},
    "commands.serve": {"checks", "commands.given", "config", "serving"},
    "commands.report": {"commands.given", "config", "printing", "reporting", "reporttoken", "screen", "store.base"},
    "commands.keep": {
        *("backup", "clock", "commands.given", "doctor", "files", "forgetting", "importing"),
        *("printing", "progress", "screen"),
    },
    "commands.audit": {"auditing", "commands.given", "definitions", "printing", "screen"},
    "commands.events": {"commands.given", "definitions", "printing", "vocabulary"},
    "commands.key": {"apikeys", "printing"},
    "commands.check": {
        *("apikeys", "certificates", "commands.given", "config", "definitions", "files", "printing", "reporttoken"),
    },
    "commands.reconcile": {"clock", "commands.given", "printing", "reconciling"},
    "commands.worker": {"app", "commands.life", "commands.started", "config", "keys"},
    "commands.writer": {
        *("commands.started", "config", "files", "keys", "store.handover", "tuning", "visitors.erased"),
    },
    "commands.reportsite": {"commands.life", "commands.started", "config", "reportsite"},
    "commands.demovisitors": {"commands.started", "demo", "printing"},
    "commands.demosite": {"commands.life", "commands.started", "demo", "http"},
    "commands": set(),
    "cli": {"arguments", "config", "errors", "loading", "printing", "secretfile"},
    "__main__": {"cli"},
    "__init__": {"app", "loading"},  # `from proxy import Footfall`
}
COMMON = ("asgi", "bounded", "fieldlist", "passing")
PURE = (
    "bounded",
    "fieldlist",
    *("http.headers", "http.gate", "http.limits", "http.origins", "http.target", "http.websocket"),
    *("page", "store.base", "store.counters"),
    "intake.holding",
    *(
        "visitors",
        "events",
        "arguments",
        "options",
        "checks",
        "definitions",
        "rulebook",
        "paper",
        "progress",
        "lines",
        "typed",
    ),
    *(f"reconciling.{name}" for name in ("log", "judging", "matching", "settling", "tally", "reckoning", "telling")),
    *(
        f"audit.{name}"
        for name in "calls controls crawling document findings forms links reading summary tags words".split()
    ),
)
IMPURE = {"asyncio", "starlette", "sqlite3", "time", "os", "logging", "signal", "socket", "threading", "subprocess"}
ALONE = ("bs4", "uvicorn", "httptools", "sqlite3", "itsdangerous", "isal", "brotli", "jwt", "backports", "compression")


@functools.cache
def modules() -> list[tuple[str, Path]]:
    """(dotted name below `proxy`, path); a package is named like its directory, the top one `__init__`."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[-1] == "__init__" and len(parts) > 1:
            parts = parts[:-1]
        found.append((".".join(parts), path))
    return found


def below(name: str, roof: str) -> bool:
    return name == roof or name.startswith(roof + ".")


def room_of(name: str) -> str:
    """The longest listed name that the module is below; an unlisted module has no room and fails."""
    rooms = [room for room in ROOMS if below(name, room)]
    assert rooms, f"proxy.{name} is in no room"
    return max(rooms, key=len)


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Absolute dotted names of all that is imported; `from a import b` counts as a.b where that is a module of ours."""
    return tuple(imported(path))


def imported(path: Path) -> Iterator[str]:
    ours = {f"proxy.{name}" for name, _ in modules()}
    package = ("proxy", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            source = ".".join((*above, *([node.module] if node.module else ())))
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield full if full in ours else source


EVERY = pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])


@EVERY
def test_a_module_imports_only_what_its_room_may(name, path):
    room = room_of(name)
    for imported in imports(path):
        if below(imported, "proxy"):
            inner = imported.removeprefix("proxy").removeprefix(".") or "__init__"
            allowed = inner in COMMON or any(below(inner, other) for other in ROOMS[room])
            assert allowed or room_of(inner) == room, f"proxy.{name} imports proxy.{inner}"


@EVERY
def test_the_pure_core_imports_no_io_and_no_clock(name, path):
    if any(below(name, pure) for pure in PURE):
        touched = {imported.partition(".")[0] for imported in imports(path)} & IMPURE
        assert not touched, f"proxy.{name} imports {touched}"


@pytest.mark.parametrize("library", ALONE)
def test_one_module_alone_imports(library):
    importers = [name for name, path in modules() if any(below(one, library) for one in imports(path))]
    assert len(importers) <= 1, f"{library} is imported by {importers}"


def loaded(name: str) -> set[str]:
    """All modules that a module of ours brings with it, ours below `proxy`."""
    paths, found, waiting = dict(modules()), set(), [f"proxy.{name}"]
    while waiting:
        for imported in imports(paths[waiting.pop().removeprefix("proxy.")]):
            if imported not in found:
                found.add(imported)
                waiting += [imported] * (imported.removeprefix("proxy.") in paths)
    return found


HEAVY = ("bs4", "cryptography", "jinja2", "jwt", "starlette", "uvicorn", "uvloop")
NEEDS = {"worker": ("jinja2", "starlette", "uvicorn"), "reportsite": ("jinja2", "starlette", "uvicorn")}
NEEDS |= {
    "report": ("jinja2",),
    "demosite": ("jinja2", "starlette", "uvicorn"),
    "audit": ("bs4",),
    "key": (),
    "writer": (),
    "serve": (),
}


@pytest.mark.parametrize("module", sorted({place.partition(":")[0] for place in {**COMMANDS, **CHILDREN}.values()}))
def test_a_command_loads_only_what_it_needs(module):
    found = {library for library in HEAVY if any(below(one, library) for one in loaded(f"commands.{module}"))}
    assert found <= set(NEEDS.get(module, ()))


def test_the_report_loads_nothing_that_writes():
    assert "proxy.store.sqlite.writer" not in loaded("commands.reportsite")
    assert "proxy.store.sqlite.writer" in loaded("reportkeeper")


@pytest.mark.parametrize("name", [*COMMANDS, *CHILDREN])
def test_every_command_can_be_loaded(name):
    assert callable(command(name))


@pytest.mark.parametrize("unused", ["jinja2", "jwt", "proxy.store.questions", "proxy.privacy.page", "proxy.report"])
def test_a_worker_does_not_load_what_most_sites_never_use(unused):
    script = f"import sys, proxy.commands.worker; print([name for name in sys.modules if name.startswith({unused!r})])"
    ran = subprocess.run([sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_only_one_module_loads_by_name():
    assert [name for name, path in modules() if any(one == "importlib" for one in imports(path))] == ["loading"]


@EVERY
def test_nothing_is_imported_inside_a_function(name, path):
    for function in functions(path):
        inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not inner, f"proxy.{name}.{function.name} imports"


@EVERY
def test_no_module_keeps_state(name, path):
    tree = parsed(path)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)], f"proxy.{name} says global"
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_mutable(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:  # a table in capitals is a constant
                shown = ast.unparse(target)
                assert re.fullmatch(r"_?[A-Z][A-Z0-9_]*|__all__", shown), f"proxy.{name}.{shown} is mutable"


def is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in {"dict", "list", "set", "deque", "defaultdict", "Counter", "OrderedDict"}
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


@EVERY
def test_a_module_and_its_functions_stay_short(name, path):
    lines = len(path.read_text().splitlines())
    assert lines <= MODULE_LINES, f"proxy.{name} has {lines} lines"
    for function in functions(path):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= FUNCTION_LINES, f"proxy.{name}.{function.name} has {length} lines"


@EVERY
def test_a_module_states_its_law(name, path):
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body, f"proxy.{name} has no docstring"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
