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

MIGRATIONS = tuple(
    (files(__package__) / name).read_text("utf-8")
    for name in ("schema.sql", "schema_2.sql", "schema_3.sql", "schema_4.sql", "schema_5.sql", "schema_6.sql")
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
