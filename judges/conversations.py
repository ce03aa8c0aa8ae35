"""The judge of conversations: varnishtest plays the visitor and the site, byte by byte, with `footfall serve` between.

Law: every script of judges/vtc ends as it says. A script has `server s1` on the port that footfall's upstream is, and
clients that connect to `${footfall}`; one footfall, in a process of its own, has them all in turn. `words`
narrow the scripts down by their names.
"""

import subprocess
import tempfile
from pathlib import Path

from benchmarks.process import free_port
from benchmarks.servers import Server, footfall
from judges import FOUND, GOOD, ROOT
from judges.tools import program

SCRIPTS = ROOT / "judges" / "vtc"
SCRIPT_SECONDS = 20
SHOWN_LINES = 6


def main(words: list[str]) -> int:
    tool = program("varnishtest", "varnish")
    scripts = [path for path in sorted(SCRIPTS.glob("*.vtc")) if not words or any(word in path.stem for word in words)]
    failed: list[str] = []
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="footfall-judge-") as folder,
        footfall(Path(folder) / "footfall", Server("varnishtest", 0, port)) as through,
    ):
        for script in scripts:
            failed += played(tool, script, port, through.port)
    print(f"conversations: {len(scripts)} scripts, {len(failed)} failed (varnishtest)")
    for line in failed:
        print(f"  {line}")
    return FOUND if failed else GOOD


def played(tool: str, script: Path, upstream: int, front: int) -> list[str]:
    """What is wrong, in one text; empty for nothing."""
    words = [tool, "-t", str(SCRIPT_SECONDS), f"-Dupstream=127.0.0.1:{upstream}", f"-Dfootfall=127.0.0.1:{front}"]
    done = subprocess.run(
        [*words, str(script)], capture_output=True, text=True, errors="replace", timeout=SCRIPT_SECONDS + 30
    )
    if done.returncode == 0:
        return []
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("----") or "not ok" in line]
    return [f"{script.stem}: " + " | ".join(lines[-SHOWN_LINES:])]
