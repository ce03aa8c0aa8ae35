"""What Linux knows of footfall's processes while they run: memory, sockets, descriptors, threads. Reads /proc only."""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu import CpuError, processes, spent

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
KB = 1_024
_SOCKET = "socket:"


@dataclass(frozen=True, slots=True)
class Seen:
    """One process. Bytes: `rss` is resident, `private` the part of it that nobody shares, `pss` that and its share of
    the rest."""

    rss: int
    pss: int
    private: int
    sockets: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Sample:
    """`at`: seconds since the load began, before it 0. `writer`: None where the worker writes itself. `cpu` seconds of
    all of them so far. `tcp` bytes that the kernel holds for all connections of this machine, at both their ends."""

    at: float
    parent: Seen
    worker: Seen
    writer: Seen | None
    cpu: float
    tcp: int

    @property
    def by_name(self) -> dict[str, Seen]:
        """By the names that footfall calls its processes by."""
        writer = {} if self.writer is None else {"writer": self.writer}
        return {"parent": self.parent, "worker": self.worker, **writer}


@dataclass(frozen=True, slots=True)
class Family:
    """Process ids. `writer`: None where the worker writes itself."""

    parent: int
    worker: int
    writer: int | None


def footfall_processes(pid: int) -> Family:
    """The parent, its one worker and who writes for it. Raises CpuError."""
    try:
        children = sorted((_command(child), child) for child in processes(pid)[1:])
    except OSError as wrong:
        raise CpuError(f"process {pid} went away: {wrong.strerror}") from None
    match children:
        case [("worker", worker)]:
            return Family(pid, worker, None)
        case [("worker", worker), ("writer", writer)]:
            return Family(pid, worker, writer)
    names = ", ".join(name for name, _ in children) or "nothing"
    raise CpuError(f"footfall has {names} beside its parent, not one worker and who writes for it")


def _command(pid: int) -> str:
    """What it was started as, of `python -m proxy worker ...`."""
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return words[words.index("proxy") + 1] if "proxy" in words else words[0]


def look(family: Family, at: float) -> Sample:
    """Raises CpuError where one of them is gone."""
    try:
        return Sample(
            at,
            _seen(family.parent),
            _seen(family.worker),
            None if family.writer is None else _seen(family.writer),
            spent(family.parent).total_us / 1_000_000,
            _tcp_bytes(),
        )
    except OSError as wrong:
        raise CpuError(f"footfall ended, or a process of its: {wrong.strerror}") from None


def _seen(pid: int) -> Seen:
    memory = _numbers(Path(f"/proc/{pid}/smaps_rollup").read_text())
    folder = f"/proc/{pid}/fd"
    names = os.listdir(folder)
    return Seen(
        rss=memory["Rss"],
        pss=memory["Pss"],
        private=memory["Private_Clean"] + memory["Private_Dirty"],
        sockets=sum(_target(f"{folder}/{name}").startswith(_SOCKET) for name in names),
        descriptors=len(names),
        threads=len(os.listdir(f"/proc/{pid}/task")),
    )


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:  # closed meanwhile
        return ""


def _numbers(text: str) -> dict[str, int]:
    """Bytes by name, of lines such as `Rss:  84 kB`."""
    found = {}
    for line in text.splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0]) * KB
    return found


def _tcp_bytes() -> int:
    """`mem` of the line `TCP:` counts pages (proc_net(5), sockstat)."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            words = line.split()
            return int(words[words.index("mem") + 1]) * PAGE_BYTES
    return 0
