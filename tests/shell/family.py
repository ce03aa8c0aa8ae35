"""The processes of a service that runs, as the kernel shows them: whose children they are, and what they do."""

import contextlib
from pathlib import Path


def _stat(pid: int) -> list[str]:
    """From the state on (proc_pid_stat(5)); of a process that is no more, as of one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return ["Z", "0"]


def is_alive(pid: int) -> bool:
    return _stat(pid)[0] != "Z"


def is_stopped(pid: int) -> bool:
    return _stat(pid)[0] == "T"


def is_told(pid: int, number: int) -> bool:
    """Whether a signal waits for this process, which is stopped (proc_pid_status(5))."""
    waiting = int(Path(f"/proc/{pid}/status").read_text().partition("ShdPnd:")[2].split()[0], 16)
    return bool(waiting >> number - 1 & 1)


def command_line(pid: int) -> list[str]:
    """Empty where it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def children_of(parent: int, command: str = "") -> list[int]:
    """Those that live, all of them or those that were started as this command of ours."""
    found = []
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        state, whose = _stat(pid)[:2]
        if state != "Z" and int(whose) == parent and (not command or command in command_line(pid)):
            found.append(pid)
    return found
