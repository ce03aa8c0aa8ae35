"""The SQL of this engine, as texts.

Law: SQL is read from files, one question each, and never put together from strings.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files


def _read_queries() -> Mapping[str, str]:
    folder = files(__package__) / "queries"
    return {entry.name[:-4]: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".sql")}


SQL = _read_queries()
"""One SQL text a question, by the name of its file in queries/."""

VERSION = 12
"""Of the file's format; its schema is in so many steps."""
MIGRATIONS = tuple(
    (files(__package__) / name).read_text("utf-8")
    for name in ("schema.sql", *(f"schema_{version}.sql" for version in range(2, VERSION + 1)))
)
"""`MIGRATIONS[n]` takes a file from version n to n + 1."""


def statements(script: str) -> Iterator[str]:
    """The statements of a script that holds no trigger, so that all of them run in one transaction (executescript would
    commit)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if line.rstrip().endswith(";") and not line.startswith("--"):
            yield pending
            pending = ""
    if pending.strip():
        yield pending
