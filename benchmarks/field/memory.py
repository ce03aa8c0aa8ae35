"""Memory of running processes and all their descendants, as Linux counts it in /proc.

What several processes share is in the sum once for each of them.
"""

import re
from pathlib import Path

from benchmarks.cpu import CpuError, processes


def resident(pid: int) -> int:
    """Bytes now. Raises CpuError where the process is gone."""
    return _sum(pid, "VmRSS")


def highest(pid: int) -> int:
    """Bytes at most so far, of each process at its own worst moment. Raises CpuError where the process is gone."""
    return _sum(pid, "VmHWM")


def _sum(pid: int, name: str) -> int:
    try:
        texts = [Path(f"/proc/{one}/status").read_text() for one in processes(pid)]
    except OSError as wrong:
        raise CpuError(f"process {pid} or one of its children went away: {wrong.strerror}") from None
    found = [re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE) for text in texts]
    return sum(int(one[1]) * 1_024 for one in found if one)
