"""Instructions that a process executes, as valgrind's callgrind counts them.

Law: what is counted is user code of all threads of one process, between two words of ours; the kernel's part is not,
and no time is. valgrind translates without counting until it is told to, which is much faster, and runs one thread at
a time. Its words go by `vgdb`, to the process itself: nothing of it is ended or started again.
"""

import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu import processes
from benchmarks.guard.verdict import instructions
from benchmarks.servers import Runner, Server

START_SECONDS = 120.0
"""A worker under valgrind takes about ten times as long to start."""
WORD_SECONDS = 60.0
"""For valgrind to do what it is told."""
STARTER = Path(__file__).with_name("start.py")


class ToolError(Exception):
    """valgrind did not do what it was told; one line."""


@dataclass(frozen=True, slots=True)
class Valgrind:
    """Counts in processes that `runner` starts, with its files in `where`."""

    valgrind: str
    vgdb: str
    where: Path

    def runner(self, tree: Path) -> Runner:
        """What starts footfall of this tree so that its worker, or the part, is counted."""
        self.where.mkdir(parents=True, exist_ok=True)
        python = self._python()
        script = self.where / "python"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(python)} "$@"\n')
        script.chmod(0o700)
        return Runner(
            tree=tree,
            python=python,
            serve=(sys.executable, "-P", str(STARTER), str(script)),
            environ={"PYTHONHASHSEED": "0"},  # or sets and dictionaries collide otherwise in every run
            start_seconds=START_SECONDS,
        )

    def _python(self) -> tuple[str, ...]:
        return (
            *_same_addresses(),
            self.valgrind,
            "--quiet",
            "--tool=callgrind",
            "--instr-atstart=no",
            "--combine-dumps=no",
            f"--callgrind-out-file={self.where}/counted.%p",
            f"--vgdb-prefix={self.where}/vgdb",
            sys.executable,
        )

    def begin(self, server: Server) -> None:
        """Count from now on, from 0; the server is several times slower then. Raises ToolError, as all of these."""
        self._tell(server, "instrumentation on")
        self._tell(server, "zero")

    def so_far(self, server: Server) -> int:
        """Instructions since the counting began."""
        try:
            return instructions(self._tell(server, "status internal"))
        except ValueError as wrong:
            raise ToolError(str(wrong)) from None

    def profile(self, server: Server) -> None:
        """Leave a file of which function executed how many of them since the counting began."""
        self._tell(server, "dump")

    def end(self, server: Server) -> None:
        """It need not be counted any more, and can be ended soon."""
        self._tell(server, "instrumentation off")

    def _tell(self, server: Server, words: str) -> str:
        """To the worker, of which there is one, or to the part itself."""
        pid = processes(server.pid)[-1]
        command = [self.vgdb, f"--vgdb-prefix={self.where}/vgdb", f"--pid={pid}", "-c", *words.split()]
        try:
            told = subprocess.run(command, capture_output=True, text=True, timeout=WORD_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ToolError(f"valgrind did not do within {WORD_SECONDS:.0f} s what it was told: {words}") from None
        if told.returncode:
            raise ToolError(f"valgrind cannot be told: {words}: {' '.join(told.stderr.split())[-300:]}")
        return told.stdout


def _same_addresses() -> tuple[str, ...]:
    """What starts a program at the same addresses every time, where that is allowed."""
    setarch = shutil.which("setarch")
    if setarch is None:
        return ()
    command = (setarch, platform.machine(), "-R")
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else ()
