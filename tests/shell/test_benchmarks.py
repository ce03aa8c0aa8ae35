"""The benchmarks run, count every visit, and print what they promise. Loads are tiny: figures are not looked at."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from whole import NGINX
from wire import ROOT, eventually

from benchmarks.command import GOOD, PROBLEM, USAGE
from benchmarks.load import LoadError
from benchmarks.pace import PIECE_LOOPS, Pace
from benchmarks.process import StartError
from benchmarks.rows import ROWS, TEN, CountError, Visitors, measure_beacons
from benchmarks.servers import UNLIMITED, footfall, origin, write_site
from benchmarks.slices import slice_of
from benchmarks.table import END, START, replaced
from proxy.store.sqlite.connection import open_writer

SECONDS = 120.0
TINY = ("--quick", "--rounds", "1", "--requests", "32")
needs_programs = pytest.mark.skipif(
    NGINX is None or shutil.which("h2load") is None, reason="nginx or h2load (nghttp2-client) is not installed"
)


def bench(*words: str, module: str = "benchmarks", **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@needs_programs
def test_the_table_has_every_row_with_figures_and_goes_between_the_markers(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    ran = bench(*TINY, "--no-peers", "--write", "--readme", str(readme), TMPDIR=str(tmp_path))
    assert ran.returncode in (GOOD, PROBLEM), ran.stderr
    heading, rule, *lines = [line for line in ran.stdout.splitlines() if line.startswith("|")]
    assert cells(heading) == ["CPU per request", "footfall", "nginx", "ratio", "from - to"]
    assert set(rule) == set("|-:")
    found = {title: rest for title, *rest in map(cells, lines)}
    assert found.pop("*for comparison*") == ["", "", "", ""]
    assert list(found) == [row.title for row in ROWS]
    for ours, peer, ratio, spread in found.values():
        assert re.fullmatch(r"\d+ us", ours) and re.fullmatch(r"\d+ us", peer)
        assert re.fullmatch(r"\d+\.\d\d", ratio) and spread == f"{ratio} - {ratio}"
    stored = 2 * 32 * sum(row.visits for row in ROWS)  # the warm-up and a round
    told = re.search(
        r"Every one of the ([\d,]+) pages that footfall was asked for is in its store exactly once;", ran.stdout
    )
    assert told and int(told[1].replace(",", "")) >= stored  # a pair that was disturbed is measured again
    told = re.search(r"So is every one of the ([\d,]+) events that it was told\.", ran.stdout)
    assert told and int(told[1].replace(",", "")) >= 2 * sum(row.requests(32) * row.events for row in ROWS)
    per_event = re.search(r"per event that is (\d+) us\.", ran.stdout)
    assert per_event and abs(int(per_event[1]) * 10 - int(found[TEN.title][0].removesuffix(" us"))) <= 10  # rounded
    assert "a browser's 15 header fields" in ran.stdout
    assert ("more than 4.5" in ran.stderr) == (ran.returncode == PROBLEM)
    assert readme.read_text() == f"before\n{START}\n{ran.stdout.rstrip()}\n{END}\nafter\n"
    assert "\033" not in ran.stdout + ran.stderr
    assert list(tmp_path.iterdir()) == [readme]  # nothing is left behind


@needs_programs
def test_the_breakdown_adds_up_step_by_step():
    ran = bench(*TINY, module="benchmarks.breakdown")
    assert ran.returncode == GOOD, ran.stderr
    lines = [cells(line) for line in ran.stdout.splitlines() if line.startswith("|")]
    titles = [line[0] for line in lines]
    assert [title.split(":")[0] for title in titles[2:6]] == ["server", "+ bare proxy", "+ tracking", "+ recording"]
    assert titles[8:] == ["event loop (main threads)", "writing to the store (other threads)"]
    total = 0
    for _, so_far, added, _ in lines[2:6]:
        total += int(added.removesuffix(" us"))
        assert abs(total - int(so_far.removesuffix(" us"))) <= 2  # rounded one by one


@contextmanager
def told_by(where, settings):
    """footfall before a site, and its visitors with a page that is shown."""
    write_site(where / "site")
    with (
        origin(NGINX, where / "origin", where / "site") as site,
        footfall(where / "one", site, settings=settings) as server,
    ):
        yield server, Visitors.of(server, telling=True).tellers


@needs_programs
def test_events_count_only_where_every_one_of_them_is_new_and_stored(tmp_path):
    with told_by(tmp_path, UNLIMITED) as (server, tellers):
        assert measure_beacons(server, TEN, 40, tellers, seed=1).total_us > 0
        assert measure_beacons(server, TEN, 40, tellers, seed=2).total_us > 0
        with pytest.raises(LoadError, match='"accepted":0,"duplicates":10'):
            measure_beacons(server, TEN, 40, tellers, seed=2)
        with pytest.raises(CountError, match="of 400 events 0 are stored, 0 times in all"):
            measure_beacons(replace(server, store=empty_copy(server.store)), TEN, 40, tellers, seed=3)


def empty_copy(store: Path) -> Path:
    """A store of the same kind with nothing in it."""
    empty = store.with_name("empty.db")
    open_writer(empty, "process").close()
    return empty


@needs_programs
def test_a_beacon_that_is_refused_ends_the_run(tmp_path):
    with (
        told_by(tmp_path, {**UNLIMITED, "FOOTFALL_LIMITS__ADDRESS_EVENTS_PER_SECOND": "10"}) as (server, tellers),
        pytest.raises(LoadError, match=r"429 .*more events than one browser makes"),
    ):
        measure_beacons(server, TEN, 40, tellers, seed=1)


def can_have_slices() -> bool:
    try:
        with slice_of("footfall-test", 0.5):
            return True
    except StartError:
        return False


@needs_programs
@pytest.mark.skipif(not can_have_slices(), reason="no share of a core can be had here")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the site and the load need a core of their own")
def test_two_workers_are_measured_beside_one_each_with_its_share(tmp_path):
    ran = bench("--rounds", "1", "--requests", "64", module="benchmarks.scale", TMPDIR=str(tmp_path))
    assert ran.returncode == GOOD, ran.stderr
    _, _, one, two = [cells(line) for line in ran.stdout.splitlines() if line.startswith("|")]
    assert [one[0], two[0]] == ["1 worker, 50% of a core", "2 workers, 100% of a core"]
    assert all(float(cell.replace(",", "").removesuffix(" us")) > 0 for cell in (*one[1:], *two[1:]))
    assert re.search(r"Two workers served \d+\.\d\d times as many pages a second as one", ran.stdout)
    assert not working_in(tmp_path) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("mounts", "told"),
    [
        ("", "no control group"),
        ("cgroup {0} cgroup rw,cpuacct 0 0\ncgroup2 {0} cgroup2 rw 0 0", "no control group"),
        ("cgroup {0}/missing cgroup rw,cpu,cpuacct 0 0", "No such file or directory"),
    ],
)
def test_where_no_share_of_a_core_can_be_had_it_says_so(tmp_path, mounts, told):
    file = tmp_path / "mounts"
    file.write_text(mounts.format(tmp_path))
    with pytest.raises(StartError, match=told), slice_of("footfall-test", 0.5, mounts=file):
        pass


@needs_programs
def test_an_interrupted_benchmark_ends_what_it_started(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1000"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert any(b"running" in line for line in process.stderr)
        assert len(working_in(tmp_path)) >= 8  # two nginx, two footfall and their three workers, a part
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert eventually(lambda: not working_in(tmp_path))
    assert not list(tmp_path.iterdir())


def working_in(where: Path) -> list[int]:
    """Processes with a file or a command line below a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                command = (entry / "cmdline").read_bytes()
                if str(where).encode() in command or (entry / "cwd").resolve().is_relative_to(where):
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_missing_program_is_one_line_that_names_its_package(tmp_path):
    ran = bench(PATH=str(tmp_path))
    assert ran.returncode == USAGE
    (line,) = ran.stderr.splitlines()
    assert re.fullmatch(r"bench: .*h2load not found: the Debian packages nginx and nghttp2-client are needed", line)
    assert ran.stdout == ""


@needs_programs
def test_a_readme_without_markers_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "README.md").write_text("no place\n")
    ran = bench("--write", "--readme", str(tmp_path / "README.md"))
    assert ran.returncode == USAGE
    assert len(ran.stderr.splitlines()) == 1 and "README.md has no place for the table" in ran.stderr


@pytest.mark.parametrize("option", ["--rounds", "--requests"])
def test_a_number_that_measures_nothing_is_wrong_usage(option):
    assert bench(option, "0").returncode == USAGE


def test_one_pair_of_markers_is_replaced_and_nothing_else():
    assert replaced(f"a {START}{END} b", "\\1 text") == f"a {START}\n\\1 text\n{END} b"
    assert replaced("none", "text") is None
    assert replaced(f"{START}{END}{START}{END}", "text") is None
    assert replaced(f"{END}{START}", "text") is None


def test_the_machines_pace_is_judged_by_its_slowest_core_and_leaves_no_trace(monkeypatch):
    cores = os.sched_getaffinity(0)
    pace = Pace()
    assert os.sched_getaffinity(0) == cores
    monkeypatch.setattr("benchmarks.pace.PIECE_LOOPS", 10 * PIECE_LOOPS)  # as if it had become ten times slower
    assert not pace.is_steady()
    assert os.sched_getaffinity(0) == cores
