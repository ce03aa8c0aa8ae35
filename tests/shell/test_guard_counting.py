"""The guard's counting, with valgrind, of a few lines of Python; and what it says where it cannot run."""

import shutil
import signal
import subprocess

import pytest
from wire import ROOT

from benchmarks.command import USAGE
from benchmarks.guard.__main__ import main
from benchmarks.guard.counting import ToolError, Valgrind
from benchmarks.servers import Server

VALGRIND, VGDB = shutil.which("valgrind"), shutil.which("vgdb")
ADDING = "import sys\nfor line in sys.stdin: print(sum(range(int(line))), flush=True)"


@pytest.fixture
def guard(capsys):
    """The command: its exit code and its lines on standard error."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda *words: (main(list(words)), capsys.readouterr().err.splitlines())
    signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(VALGRIND is None or VGDB is None, reason="valgrind is not installed")
def test_twice_the_work_is_twice_the_instructions_and_what_was_before_is_not_counted(tmp_path):
    tool = Valgrind(VALGRIND, VGDB, tmp_path / "counted")
    command = [*tool.runner(ROOT).python, "-I", "-S", "-c", ADDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        server = Server("adding", process.pid, 0)

        def after(number: int) -> int:
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == sum(range(number))
            return tool.so_far(server)

        try:
            with pytest.raises(ToolError, match="does not say what it counted"):
                after(100_000)
            tool.begin(server)
            once = after(100_000)
            twice = after(200_000) - once
            tool.profile(server)
        finally:
            process.kill()
    assert once > 100_000 * 10 and twice == pytest.approx(2 * once, rel=0.02)
    profile = max((tmp_path / "counted").glob("counted.*.1"), key=lambda one: one.stat().st_size)
    assert "events: Ir" in profile.read_text()


def test_a_missing_program_is_one_line_that_names_its_package(guard, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, (line,) = guard()
    assert code == USAGE and line.startswith("bench: ") and "valgrind and vgdb not found" in line
    assert line.endswith("the Debian packages nginx, nghttp2-client and valgrind are needed")


def test_a_reference_that_is_missing_or_none_is_said_before_anything_is_counted(guard, tmp_path):
    absent, broken = tmp_path / "absent.json", tmp_path / "broken.json"
    broken.write_text("{}")
    for path, said in ((absent, "there is no such file; --update writes it"), (broken, "it has no 'instructions'")):
        assert guard("--reference", str(path)) == (USAGE, [f"bench: {path}: {said}"])


def test_a_folder_without_footfall_is_wrong_usage(guard, tmp_path):
    assert guard("--tree", str(tmp_path)) == (USAGE, [f"bench: --tree: {tmp_path} has no footfall in it"])
