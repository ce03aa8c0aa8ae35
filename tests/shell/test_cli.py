"""The command as a person runs it: real processes, real sockets, real signals."""

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from family import children_of, command_line, is_alive

from proxy.store.sqlite.writer import SqliteWriter

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0
MORE: dict[str, tuple[str, ...]] = {"check": (), "export": ("--format", "csv")}  # csv: a first line without an event

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def footfall(where: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=where,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def footfall_to(output: int, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=where,
        env=environment(),
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def recorded(where: Path) -> None:
    """A store with nothing in it but its tables."""
    SqliteWriter(where / "footfall.db", durability="process", rules=None).close()


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("footfall: ")
    return done.stderr


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Running:
    process: subprocess.Popen[str]
    port: int
    behind: int
    log: Path

    def get(self, path: str, port: int | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE_SECONDS)
        connection.request("GET", path, headers={"Accept": "text/html", "User-Agent": "Mozilla/5.0"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def cookie(self, given: str | None) -> str | None:
        """The `footfall=...` that a page sets for a visitor who has this one, or none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        fields = {"Accept": "text/html", "User-Agent": "Mozilla/5.0", **({"Cookie": given} if given else {})}
        connection.request("GET", "/", headers=fields)
        response = connection.getresponse()
        response.read()
        connection.close()
        found = re.search(r"\b(footfall=[^;]+)", response.headers.get("Set-Cookie", ""))
        return found[1] if found else None

    def children(self, command: str) -> list[int]:
        return children_of(self.process.pid, command)

    def has_replaced(self, killed: list[int]) -> bool:
        """Whether there are two workers again, none of them one of these. Looked at once: of two looks, the first might
        still see one that is gone in the second."""
        now = self.children("worker")
        return len(now) == 2 and not set(killed) & set(now)


@contextmanager
def running(where: Path, *words: str, **more: str) -> Iterator[Running]:
    """A running command on a free port, once it has said its addresses; ended, whatever happens, with its children."""
    log = where / "stderr.txt"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", *words, "--listen", "127.0.0.1:0"],
            cwd=where,
            env=environment(**{"FOOTFALL_REPORT__LISTEN": "off", **more}),
            stderr=stderr,
            stdout=subprocess.DEVNULL,
            text=True,
        )
    try:
        until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None, "the addresses")
        ports = [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", log.read_text())]
        assert len(ports) >= 2, log.read_text()
        yield Running(process, ports[0], ports[1], log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.mark.parametrize("words", [(), ("serve",), ("demo",), ("report",), ("export",), ("check",)])
def test_help_is_on_standard_output_and_good(tmp_path, words):
    done = footfall(tmp_path, *words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {' '.join(('footfall', *words))} ")


def test_usage_and_configuration_errors_are_one_line_and_exit_2(tmp_path):
    assert "COMMAND" in one_line(footfall(tmp_path), 2)
    assert "--upstream URL" in one_line(footfall(tmp_path, "serve"), 2)
    assert "FOOTFALL_SITE__UPSTREAM?" in one_line(footfall(tmp_path, "serve", FOOTFALL_SITE_UPSTREAM="http://a"), 2)
    assert "HOST:PORT or 'off'" in one_line(footfall(tmp_path, "demo", "--report", "8081"), 2)
    assert "own site.listen" in one_line(footfall(tmp_path, "demo", "--report", "127.0.0.1:8080"), 2)
    assert "1 to 1000" in one_line(footfall(tmp_path, "demo", "--visitors", "0"), 2)
    assert "report.listen is off" in one_line(
        footfall(tmp_path, "report", "--address", FOOTFALL_REPORT__LISTEN="off"), 2
    )
    (tmp_path / "deep.toml").write_text(f"site = {'[' * 20_000}")
    assert "nested too deep" in one_line(footfall(tmp_path, "check", "--config", "deep.toml"), 2)
    assert "No such file" in one_line(footfall(tmp_path, "check", "--config", "none.toml"), 2)
    own = ("serve", "--listen", "127.0.0.1:9", "--upstream", "http://localhost:9")
    assert "own site.listen" in one_line(footfall(tmp_path, *own), 2)


def test_a_problem_is_one_line_and_exits_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = one_line(footfall(tmp_path, "demo", "--listen", address), 1)
    assert line == f"footfall: cannot listen on {address}: Address already in use\n"


def test_check_shows_what_differs_and_where_things_are(tmp_path):
    (tmp_path / "config.toml").write_text('[site]\nupstream = "http://127.0.0.1:3000"\n[session]\nmax_hours = 2\n')
    done = footfall(tmp_path, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "site.upstream = 'http://127.0.0.1:3000'",
        "session.max_hours = 2",
        f"store: {tmp_path}/footfall.db",
        f"key:   {tmp_path}/footfall.key",
        "ok",
    ]


def test_check_makes_nothing(tmp_path):
    assert footfall(tmp_path, "check").returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_check_refuses_the_files_that_serve_would_refuse(tmp_path):
    upstream = ("--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0")
    key, store = tmp_path / "footfall.key", tmp_path / "footfall.db"
    key.write_text("1 AAAA\n")
    key.chmod(0o644)
    checked = one_line(footfall(tmp_path, "check"), 1)
    assert checked == f"footfall: {key}: others can read it; run: chmod 600 {key}\n"
    assert one_line(footfall(tmp_path, "serve", *upstream), 1) == checked
    key.chmod(0o600)
    assert "a key needs" in one_line(footfall(tmp_path, "check"), 1)
    key.unlink()
    with sqlite3.connect(store) as theirs:
        theirs.execute("CREATE TABLE mine (a)")
    theirs.close()
    done = footfall(tmp_path, "check")
    assert "another program" in one_line(done, 1)
    assert "ok" not in done.stdout.split()
    assert one_line(footfall(tmp_path, "serve", *upstream), 1) == done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize("command", ["check", "export"])
def test_a_full_disk_behind_standard_output_is_one_line(tmp_path, command):
    recorded(tmp_path)
    with open("/dev/full", "w") as full:
        done = footfall_to(full.fileno(), tmp_path, command, *MORE[command])
    assert one_line(done, 1) == "footfall: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("command", ["check", "export"])
def test_a_reader_that_has_seen_enough_is_no_problem(tmp_path, command):
    recorded(tmp_path)
    seen, writing = os.pipe()
    os.close(seen)
    try:
        done = footfall_to(writing, tmp_path, command, *MORE[command])
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@needs_proc
def test_workers_have_their_parents_key_whatever_becomes_of_the_file(tmp_path):
    with running(tmp_path, "demo", "--workers", "2") as demo:
        key = tmp_path / "footfall.key"
        secret = key.read_text().split()[-1]
        until(lambda: len(demo.children("worker")) == 2, "two workers")
        first = demo.children("worker")
        cookie = demo.cookie(None)
        assert cookie
        key.unlink()
        for pid in first:
            assert secret not in " ".join(command_line(pid))
            assert secret.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
            os.kill(pid, signal.SIGKILL)
        until(lambda: demo.has_replaced(first), "new ones")
        for _ in range(8):  # whichever worker answers: the visitor is known
            assert demo.cookie(cookie) is None
        assert not key.exists()


@needs_proc
def test_the_demo_is_a_shop_behind_the_proxy_and_stops_in_order(tmp_path):
    with running(tmp_path, "demo") as demo:
        status, page = demo.get("/")
        assert status == 200
        assert b"Made slowly" in page
        assert demo.get("/static/style.css") == demo.get("/static/style.css", demo.behind)
        family = children_of(demo.process.pid)
        assert demo.children("worker") and demo.children("demo-site")
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(PATIENCE_SECONDS) == 0
        assert not [pid for pid in family if is_alive(pid)]
    assert "Traceback" not in demo.log.read_text()


@needs_proc
def test_a_killed_worker_is_replaced_and_the_others_go_on(tmp_path):
    with running(tmp_path, "demo", "--workers", "2") as demo:
        until(lambda: len(demo.children("worker")) == 2, "two workers")
        assert demo.get("/")[0] == 200
        before = demo.children("worker")
        os.kill(before[0], signal.SIGKILL)
        until(lambda: demo.has_replaced(before[:1]), "a new worker")
        assert demo.get("/about")[0] == 200
        assert "killed by SIGKILL" in demo.log.read_text()


@needs_proc
def test_where_nobody_reads_what_it_says_it_goes_on_all_the_same(tmp_path):
    """As `footfall serve 2>&1 | tee log`, when tee is gone."""
    words = [sys.executable, "-m", "proxy", "demo", "--listen", "127.0.0.1:0"]
    demo = subprocess.Popen(
        words, cwd=tmp_path, env=environment(FOOTFALL_REPORT__LISTEN="off"), stderr=subprocess.PIPE, text=True
    )
    try:
        assert demo.stderr is not None
        ports = []
        for line in demo.stderr:
            ports += re.findall(r"http://127\.0\.0\.1:(\d+)", line)
            if "Ctrl-C" in line:
                break
        demo.stderr.close()
        here = Running(demo, int(ports[0]), int(ports[1]), tmp_path)
        until(lambda: here.children("worker"), "a worker")
        for _ in range(2):
            before = here.children("worker")
            assert here.get("/")[0] == 200
            os.kill(before[0], signal.SIGKILL)
            until(lambda: set(here.children("worker")) - set(before), "a new worker")  # noqa: B023
        assert here.get("/about")[0] == 200
        demo.terminate()
        assert demo.wait(PATIENCE_SECONDS) == 0
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()


@needs_proc
def test_workers_end_when_their_parent_is_killed_and_the_address_is_free_again(tmp_path):
    with running(tmp_path, "demo") as demo:
        assert demo.get("/")[0] == 200
        family = children_of(demo.process.pid)
        demo.process.kill()
        demo.process.wait()
        until(lambda: not [pid for pid in family if is_alive(pid)], "the orphans' end")
        with socket.create_server(("127.0.0.1", demo.port)):
            pass


@needs_proc
def test_a_worker_starts_with_mallocs_settings(tmp_path):
    if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
        pytest.skip("not glibc")
    with running(tmp_path, "demo") as demo:
        until(lambda: demo.children("worker"), "a worker")
        assert b"MALLOC_MMAP_THRESHOLD_=67108864" in Path(f"/proc/{demo.children('worker')[0]}/environ").read_bytes()


@contextmanager
def silent_site() -> Iterator[socket.socket]:
    """Accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_request_in_flight_is_finished_before_the_end(tmp_path):
    with silent_site() as site:
        upstream = f"http://127.0.0.1:{site.getsockname()[1]}"
        with running(tmp_path, "serve", "--upstream", upstream) as proxy:
            visitor = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS)
            visitor.sendall(b"GET /slow HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
            site.settimeout(PATIENCE_SECONDS)
            connection, _ = site.accept()
            until(lambda: b"\r\n\r\n" in connection.recv(65_536, socket.MSG_PEEK), "the request")
            proxy.process.terminate()
            until(lambda: refused(proxy.port), "no more visitors")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone")
            connection.close()
            answer = b""
            while chunk := visitor.recv(65_536):
                answer += chunk
            visitor.close()
            assert answer.endswith(b"\r\n\r\ndone")
            assert proxy.process.wait(PATIENCE_SECONDS) == 0


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_second_signal_does_not_wait(tmp_path):
    with silent_site() as site:
        upstream = f"http://127.0.0.1:{site.getsockname()[1]}"
        with running(tmp_path, "serve", "--upstream", upstream) as proxy:
            visitor = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS)
            visitor.sendall(b"GET /never HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            site.settimeout(PATIENCE_SECONDS)
            connection, _ = site.accept()
            proxy.process.terminate()
            until(lambda: refused(proxy.port), "no more visitors")
            assert proxy.process.poll() is None
            proxy.process.terminate()
            assert proxy.process.wait(PATIENCE_SECONDS) == 1
            assert "is killed" in proxy.log.read_text()
            connection.close()
            visitor.close()
