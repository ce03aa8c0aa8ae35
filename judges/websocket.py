"""The judge of W1: kosoku's (Autobahn's) WebSocket cases against an echo server, directly and through footfall.

`python -m judges websocket [--only CASE ...]` prints one line, and one more for each case that fails. Without a case
it runs the 247 about the protocol (1 to 7 and 10); 9.* is about large messages, 12.* and 13.* about compression,
minutes each.
The echo server is uvicorn with wsproto, in a process of its own; footfall is `footfall serve` as it is run, with
tracking. Exit code 0: no case fails through footfall that does not fail directly.
"""

import asyncio
import contextlib
import importlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from judges import ROOT, TOOLS, Unavailable

WANTED = ("kosoku", "wsproto", "h11")
PROTOCOL_CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
START_SECONDS = 30.0
RUN_SECONDS = 900.0
"""For all cases once; the large ones (9.*) move several hundred megabytes."""
MESSAGE_BYTES = 64 * 1024 * 1024
CASES_AT_ONCE = 1

_ECHO = f"""
import socket, sys
sys.path.append({str(TOOLS)!r})
import uvicorn
async def echo(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({{"type": "websocket.accept"}})
    while (message := await receive())["type"] == "websocket.receive":
        kind = "text" if message.get("text") is not None else "bytes"
        await send({{"type": "websocket.send", kind: message[kind]}})
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(echo, ws="wsproto", ws_max_size={MESSAGE_BYTES}, lifespan="off", log_level="critical")
uvicorn.Server(config).run([listener])
"""


def kosoku() -> Any:
    """The module, which scripts/setup-judge has put beside the environment. Unavailable: it has not."""
    missing = [name for name in WANTED if not (TOOLS / name).is_dir()]
    if missing:
        raise Unavailable(f"no {' and no '.join(missing)} (scripts/setup-judge)")
    sys.path.append(str(TOOLS))
    return importlib.import_module("kosoku")


@contextlib.contextmanager
def running(command: list[str], where: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, cwd=where, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def echoing(where: Path) -> Iterator[int]:
    """The echo server's port."""
    with running([sys.executable, "-c", _ECHO], where, dict(os.environ)) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextlib.contextmanager
def serving(where: Path, upstream: int) -> Iterator[int]:
    """footfall's port, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    environ |= {"PYTHONPATH": str(ROOT), "FOOTFALL_REPORT__LISTEN": "off"}
    words = ["--upstream", f"http://127.0.0.1:{upstream}", "--listen", f"127.0.0.1:{port}", "--workers", "1"]
    with running([sys.executable, "-m", "proxy", "serve", *words], where, environ):
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if time.monotonic() > deadline:
                raise TimeoutError("footfall does not start")
            threading.Event().wait(0.05)
        yield port


def judge(library: Any, port: int, cases: list[str]) -> list[Any]:
    """The results of all cases, failed ones included."""

    async def run() -> list[Any]:
        url = f"ws://127.0.0.1:{port}"
        try:
            running = library.run_fuzzingclient(url, cases, concurrency=CASES_AT_ONCE)
            return list(await asyncio.wait_for(running, RUN_SECONDS))
        except library.FailureError as failure:
            return list(failure.results)

    return asyncio.run(run())


def main(words: list[str]) -> int:
    """`words` are cases of kosoku's; none: those about the protocol."""
    say = sys.stdout.write
    cases = words or PROTOCOL_CASES
    library = kosoku()
    with tempfile.TemporaryDirectory(prefix="footfall-judge-") as folder, echoing(Path(folder)) as echo:
        direct = judge(library, echo, cases)
        with serving(Path(folder), echo) as port:
            through = judge(library, port, cases)
    fails = {result.case_id for result in direct if not result.passed}
    kept = [result for result in through if not result.passed]
    count, passed = len(through), len(through) - len(kept)
    say(f"websocket: {passed} of {count} cases pass through footfall, {count - len(fails)} directly (kosoku)\n")
    for result in kept:
        known = " (directly, too)" if result.case_id in fails else ""
        say(f"  {result.case_id}{known}: {result.result} {result.result_close}\n")
    return 1 if any(result.case_id not in fails for result in kept) else 0
