"""`python -m benchmarks.soak`: minutes at half load beside visitors who do not behave; what must hold afterwards.

Exit codes: 0 all good; 1 a problem, or something did not hold; 2 wrong usage, or a program is missing.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.command import GOOD, PROBLEM, UsageError, find_programs, guarded, machine, say, sqlite_version
from benchmarks.progress import Progress
from benchmarks.servers import Server, footfall
from benchmarks.soak.counting import count
from benchmarks.soak.shown import data, is_good, text
from benchmarks.soak.site import site
from benchmarks.soak.told import Told, told
from benchmarks.soak.unruly import IN_PAGE
from benchmarks.soak.verdict import Found, Phases
from benchmarks.soak.watching import Sample, footfall_processes, look

MINUTES = 30.0
LEAST_MINUTES = 0.25
STALLED = 10
SATURATION_SECONDS = 8.0
SAMPLE_SECONDS = 1.0
REST_SECONDS = 2.0
"""For what has just begun, or has come to its end, before it is looked at."""
AFTER_SECONDS = 45.0
"""For the sockets: connections to the site are kept for 15 s."""
COMPLAINT = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|Traceback|ended after|was killed|does not start|did not end")
SEED = 8


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description="Half load for a while, and visitors who do not behave."
    )
    options.add_argument("--minutes", type=_minutes, default=MINUTES, help=f"how long ({MINUTES:.0f})")
    options.add_argument("--stalled", type=_some, default=STALLED, help=f"visitors who read nothing ({STALLED})")
    options.add_argument("--keep", type=Path, metavar="FILE", help="write every sample there, as JSON")
    given = options.parse_args(arguments)
    return guarded(lambda: soak(given))


def _minutes(written: str) -> float:
    try:
        found = float(written)
    except ValueError:
        found = 0.0
    if not LEAST_MINUTES <= found < 10_000:
        raise argparse.ArgumentTypeError(f"must be {LEAST_MINUTES} or more, not {written!r}")
    return found


def _some(written: str) -> int:
    if not written.isdecimal() or not 1 <= int(written) <= 500:
        raise argparse.ArgumentTypeError(f"must be 1 to 500, not {written!r}")
    return int(written)


def soak(given: argparse.Namespace) -> int:
    nginx = find_programs("nginx")["nginx"]
    if given.keep is not None and not given.keep.parent.is_dir():
        raise UsageError(f"--keep: there is no folder {given.keep.parent}")
    with tempfile.TemporaryDirectory(prefix="footfall-soak-") as name:
        where = Path(name)
        with site(nginx, where / "site") as upstream, footfall(where / "one", upstream) as server:
            seen = _Soaked(server, where, Phases.of(given.minutes * 60), given.stalled)
            seen.run()
        say("all have left; the store is read")
        found = seen.found()
    told_of = found, seen.saturation, seen.sent, seen.did
    print(f"{text(*told_of)}\n\n{machine((sqlite_version(),))}.")
    if given.keep is not None:
        given.keep.write_text(json.dumps(data(*told_of)) + "\n")
    return GOOD if is_good(found) else PROBLEM


class _Soaked:
    """One run, and what is known of it. `run` while footfall runs, `found` when it has ended."""

    def __init__(self, server: Server, where: Path, phases: Phases, stalled: int) -> None:
        assert server.store is not None
        self._server, self._where, self._phases, self._stalled = server, where, phases, stalled
        self._store, self._log = server.store, server.store.with_name("serve.log")
        self._pids = footfall_processes(server.pid)
        self._samples: list[Sample] = []
        self._stalled_yet = False
        self.saturation = 0.0
        self.sent: dict[str, Any] = {}
        self.did: dict[str, int] = {}
        self._wrong: dict[str, int] = {}

    def run(self) -> None:
        time.sleep(REST_SECONDS)
        self._before = look(self._pids, 0.0)
        with told("sender", {"port": self._server.port, "folder": str(self._where), "seed": SEED}) as sender:
            sender.tell(f"saturate {min(SATURATION_SECONDS, self._phases.seconds / 5)}")
            self.saturation = float(sender.hear())
            say(f"saturation: {self.saturation:.0f} requests a second; half of it for {self._phases.seconds:.0f} s")
            with told("unruly", {"port": self._server.port, "seed": SEED}) as unruly:
                sender.tell(f"send {self.saturation / 2} {self._phases.seconds}")
                self._watch(unruly)
                self.sent = json.loads(sender.hear("{"))
                unruly.tell("end")
                said = json.loads(unruly.hear("{"))
        self.did = said["did"]
        self._wrong = {**self.sent["wrong"], **said["wrong"]}
        self._after = self._wait_for_sockets()

    def _watch(self, unruly: Told) -> None:
        begun, seconds = time.monotonic(), self._phases.seconds
        shown = Progress("soak", round(seconds))
        try:
            while (at := time.monotonic() - begun) < seconds:
                if not self._stalled_yet and at >= self._phases.stall_at:
                    unruly.tell(f"stall {self._stalled}")
                    self._stalled_yet = True
                self._samples.append(look(self._pids, at))
                shown.at(round(at))
                time.sleep(max(0.0, SAMPLE_SECONDS - (time.monotonic() - begun) % SAMPLE_SECONDS))
        finally:
            shown.end()

    def _wait_for_sockets(self) -> Sample:
        """Until there are as few as before, as long as that may take."""
        begun = time.monotonic()
        while True:
            time.sleep(REST_SECONDS)
            sample = look(self._pids, self._phases.seconds + time.monotonic() - begun)
            is_back = sample.worker.sockets <= self._before.worker.sockets
            if is_back or time.monotonic() - begun > AFTER_SECONDS:
                return sample

    def found(self) -> Found:
        """Raises StoreError."""
        return Found(
            phases=self._phases,
            before=self._before,
            samples=self._samples,
            after=self._after,
            stalled=self._stalled,
            wanted_rate=self.saturation / 2,
            asked=sum(self.sent["asked"].values()) + self.sent["unanswered"],
            answered=sum(self.sent["answered"].values()),
            seconds=self.sent["seconds"],
            wrong=self._wrong,
            log=[line for line in self._log.read_text().splitlines() if COMPLAINT.search(line)],
            stored=count(self._store, self._where, cut=self.did.get(f"left {IN_PAGE}", 0)),
        )


if __name__ == "__main__":
    sys.exit(main())
