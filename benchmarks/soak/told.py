"""A process of the soak test that does what it is told, a line at a time, and answers some lines with one."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

from benchmarks.load import LoadError

END_SECONDS = 20.0


class Told:
    """`name` is said where it fails."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self._name, self._process = name, process

    def tell(self, line: str) -> None:
        """Raises LoadError where the process is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LoadError(f"{self._name}: it has ended") from None

    def hear(self, begins: str = "") -> str:
        """Its next line. Raises LoadError where there is none, or it does not begin so."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line or not line.startswith(begins):
            raise LoadError(f"{self._name}: {line or 'it has ended'}")
        return line

    def is_there(self) -> bool:
        return self._process.poll() is None


@contextlib.contextmanager
def told(module: str, given: Mapping[str, object]) -> Iterator[Told]:
    """`benchmarks.soak.<module>` with what it is given, once it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.soak.{module}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        it = Told(module, process)
        it.tell(json.dumps(given))
        it.hear("ready")
        yield it
        process.communicate(timeout=END_SECONDS)  # closes its input, at whose end it leaves
    finally:
        process.kill()
        process.communicate()
