"""The judge of deadlines: slowhttptest's slow heads, slow bodies and slow readers against `footfall serve`.

Law: every slow connection is closed by its deadline, and meanwhile somebody else's page arrives within
`NORMAL_SECONDS` (on a machine that is busy with other things: that much later than from the site itself, which is
asked beside it). The deadlines are short ones by configuration (`limits`). Which connections of slowhttptest's are open
is read from the kernel (/proc): a slow reader does not look whether his is.
"""

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.servers import SMALL, Server, footfall, nginx, write_site
from judges import FOUND, GOOD
from judges.tools import Fields, ask, program

CONNECTIONS = 100
RATE = 50
"""New ones in a second, as many as the tool makes by default."""
DEADLINES = {"headers": 3, "body": 5, "read": 3}
"""Seconds; of a body it is the time that the site has for its answer."""
SLACK_SECONDS = 3
"""A sweep a second, one more to begin with, and a busy machine."""
RUN_SECONDS = CONNECTIONS // RATE + max(DEADLINES.values()) + SLACK_SECONDS + 3
LOOK_EVERY_SECONDS = 0.1
NORMAL_SECONDS = 0.1
PROBE_EVERY_SECONDS = 0.1
LARGE_BYTES = 8 * 1024 * 1024
"""More than all buffers on the way hold, so that a slow reader holds something up."""
LARGE = "/large.bin"
SETTINGS = {
    "FOOTFALL_LIMITS__HEADER_SECONDS": str(DEADLINES["headers"]),
    "FOOTFALL_LIMITS__RESPONSE_SECONDS": str(DEADLINES["body"]),
    "FOOTFALL_LIMITS__BODY_IDLE_SECONDS": str(DEADLINES["read"]),
    "FOOTFALL_STORE__HOLD_MS": "50",  # what a busy disk may take is not what is judged here
}
SITE = """
    types {{ text/html html; image/png bin; }}
    upstream slow {{ server 127.0.0.1:{port}; }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        sendfile on;
        client_max_body_size 100m;
        location = /upload {{ proxy_request_buffering on; proxy_pass http://slow/small.html; proxy_method GET; }}
    }}
"""
MODES: Mapping[str, list[str]] = {
    # Busy, and never done; the other two say nothing more, or take nothing more.
    "headers": ["-H", "-i", "1", "-x", "8"],
    "body": ["-B", "-i", "60", "-x", "8", "-s", "100000"],
    "read": ["-X", "-k", "1", "-w", "512", "-y", "1024", "-n", "60", "-z", "8"],
}
PATHS = {"headers": SMALL, "body": "/upload", "read": LARGE}
VISITOR: Fields = [(b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
ESTABLISHED = "01"


@dataclass
class Normal:
    """A visitor who asks for a small page again and again; `seconds` is how long each took."""

    port: int
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopped.wait(PROBE_EVERY_SECONDS):
            begun = time.monotonic()
            try:
                status = ask(self.port, "GET", SMALL, VISITOR).status
                if status != 200:
                    self.failures.append(str(status))
            except OSError as wrong:
                self.failures.append(str(wrong))
            self.seconds.append(time.monotonic() - begun)


def main(words: list[str]) -> int:
    tool = program("slowhttptest", "slowhttptest")
    nginx_program = program("nginx", "nginx")
    code = GOOD
    with tempfile.TemporaryDirectory(prefix="footfall-judge-") as folder:
        where = Path(folder)
        write_site(where / "site")
        (where / "site" / LARGE.lstrip("/")).write_bytes(bytes(LARGE_BYTES))
        with (
            nginx(nginx_program, where / "nginx", "site", SITE, root=where / "site") as site,
            footfall(where / "footfall", site, settings=SETTINGS) as through,
        ):
            for mode in words or MODES:
                if judged(tool, mode, through, site):
                    code = FOUND
    return code


def judged(tool: str, mode: str, through: Server, site: Server) -> bool:
    """Whether something is wrong; prints one line."""
    normal, beside = Normal(through.port), Normal(site.port)
    threads = [threading.Thread(target=visitor.run) for visitor in (normal, beside)]
    for thread in threads:
        thread.start()
    try:
        most, left, seconds = attack(tool, mode, through.port)
    finally:
        for visitor, thread in zip((normal, beside), threads, strict=True):
            visitor.stopped.set()
            thread.join()
    deadline = CONNECTIONS // RATE + DEADLINES[mode]
    slowest, control = max(normal.seconds), max(beside.seconds)
    wrong = []
    if most < CONNECTIONS:
        wrong.append(f"no more than {most} connections were made")
    if left:
        wrong.append(f"{left} connections are open after {RUN_SECONDS} s")
    elif seconds > deadline + SLACK_SECONDS:
        wrong.append(f"the last was closed after {seconds:.1f} s")
    if slowest > max(NORMAL_SECONDS, control + NORMAL_SECONDS):
        wrong.append(f"somebody else waited {slowest * 1000:.0f} ms")
    if normal.failures:
        wrong.append(f"somebody else was not served: {normal.failures[:3]}")
    print(
        f"slow: {mode}: {most} connections, the last closed after {seconds:.1f} s (deadline {deadline} s);"
        f" {len(normal.seconds)} other requests: median {median(normal.seconds) * 1000:.0f} ms, slowest"
        f" {slowest * 1000:.0f} ms (from the site itself {control * 1000:.0f} ms) (slowhttptest)"
        f"{''.join(f'; {one}' for one in wrong)}"
    )
    return bool(wrong)


def attack(tool: str, mode: str, port: int) -> tuple[int, int, float]:
    """(the most connections that were open at once, those still open at the end, seconds until the last was closed)."""
    url = f"http://127.0.0.1:{port}{PATHS[mode]}"
    words = [tool, *MODES[mode], "-c", str(CONNECTIONS), "-r", str(RATE), "-l", str(2 * RUN_SECONDS), "-u", url]
    process = subprocess.Popen([*words, "-v", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = time.monotonic()
    most = left = 0
    seconds = 0.0
    try:
        while process.poll() is None and time.monotonic() - begun < RUN_SECONDS:
            time.sleep(LOOK_EVERY_SECONDS)
            left = open_connections(process.pid, port)
            most = max(most, left)
            if left:
                seconds = time.monotonic() - begun
            elif most >= CONNECTIONS:
                break
        if process.poll() is not None:  # it ends by itself once all of its connections are closed
            left = 0
    finally:
        process.kill()
        process.wait()
    return most, left, seconds


def open_connections(pid: int, port: int) -> int:
    """Connections of a process to `port` of 127.0.0.1 that neither side has closed."""
    inodes = set()
    with contextlib.suppress(OSError):  # it has ended
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(descriptor.readlink().name)
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    remote = f"0100007F:{port:04X}"
    return sum(row[2] == remote and row[3] == ESTABLISHED and f"socket:[{row[9]}]" in inodes for row in rows)
