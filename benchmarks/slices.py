"""A share of one core for a group of processes, by the kernel's bandwidth control (cgroup v1 or v2, controller `cpu`).

Law: what was made is gone afterwards, whatever happened in between; the processes in it are somebody else's to end.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.process import StartError

PERIOD_US = 20_000
"""In which a group gets its share: the shorter, the less it comes in bursts."""
ENDING_SECONDS = 5.0
MOUNTS = Path("/proc/mounts")


@contextlib.contextmanager
def slice_of(name: str, share: float, *, mounts: Path = MOUNTS) -> Iterator[Path]:
    """A group that gets `share` of a core; processes are put into it by `put`. Raises StartError where this system or
    user cannot have one."""
    root, is_first_version = _controller(mounts)
    group = root / f"{name}-{os.getpid()}"
    quota = str(int(share * PERIOD_US))
    try:
        group.mkdir()
        if is_first_version:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(quota)
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
    except OSError as wrong:
        raise StartError(f"no share of a core can be had here: {group}: {wrong.strerror}") from None
    try:
        yield group
    finally:
        _remove(group)


def put(group: Path, processes: Iterable[int]) -> None:
    """Each of them, with all its threads, from now on."""
    for pid in processes:
        (group / "cgroup.procs").write_text(str(pid))


def _controller(mounts: Path) -> tuple[Path, bool]:
    """Where groups are made, and whether it is the first version's."""
    for line in mounts.read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpu" in options.split(","):
            return Path(place), True
    for line in mounts.read_text().splitlines():
        _, place, kind, *_ = line.split()
        control = Path(place) / "cgroup.subtree_control"
        if kind == "cgroup2" and control.exists() and "cpu" in control.read_text().split():
            return Path(place), False
    raise StartError("no share of a core can be had here: there is no control group with the controller cpu")


def _remove(group: Path) -> None:
    """Who is in it ends a moment after its parent."""
    until = time.monotonic() + ENDING_SECONDS
    while True:
        try:
            group.rmdir()
            return
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.02)
