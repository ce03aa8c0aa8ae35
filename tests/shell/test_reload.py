"""SIGHUP and SIGTERM under load, with real processes: what was asked is answered, what is configured is in force."""

import contextlib
import itertools
import os
import pty
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from family import children_of, is_stopped, is_told
from test_websocket import GOODBYE, HELLO, asking, echo, tunnel
from whole import NAVIGATION, START_SECONDS, answers, free_port
from wire import PATIENCE_SECONDS, ROOT, Answer, Seen, Wire, eventually, ok, origin

from proxy.http.life import PARTING_SECONDS

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

PAGE = b"<!doctype html><html><head><title>a page</title></head><body>" + b"words " * 500 + b"</body></html>"
SLOW_PIECES = 20
SLOW_SECONDS = 2.0
UPLOAD = b"u" * 300_000
WAITS = "import os, time\nwhile os.path.exists(%r): time.sleep(0.01)\n"
TICK_SECONDS = 0.2  # a server looks whether it is to stop ten times a second: so, before anything else
LAST_PAGE = (200, b"</html>", b"close")
WAITING = 100  # as many as any machine's kernel lets wait (net.core.somaxconn)
FIELDS = b"".join(b"%b: %b\r\n" % pair for pair in NAVIGATION)


def site(wire: Wire, seen: Seen) -> bool:
    """Pages, uploads, slow downloads, a WebSocket that says everything again."""
    target = seen.line.split()[1]
    if target == b"/ws":
        return bool(tunnel(echo)(wire, seen))
    if target == b"/slow":
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % SLOW_PIECES)
        for _ in range(SLOW_PIECES):
            time.sleep(SLOW_SECONDS / SLOW_PIECES)
            wire.send(b"s")
        return True
    if target == b"/upload":
        wire.send(ok(b"%d" % len(seen.body)))
    else:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE))
    return seen.whole


@dataclass
class Served:
    """`footfall serve` with nothing but its configuration file, started as a service manager does."""

    where: Path
    upstream: int
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.log = self.where / "log"

    def configure(self, *lines: str, workers: int = 1, listen: str = "", report: str = "off") -> None:
        listen = listen or f"127.0.0.1:{self.port}"
        text = f'[site]\nupstream = "http://127.0.0.1:{self.upstream}"\nlisten = "{listen}"\nworkers = {workers}\n'
        (self.where / "config.toml").write_text("\n".join([text, f'[report]\nlisten = "{report}"', *lines, ""]))

    def start(self, stdin: int = subprocess.DEVNULL, **more: object) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proxy", "serve"],
                **{"start_new_session": True, **more},
                cwd=self.where,
                env={**kept, "PYTHONPATH": f"{self.where}{os.pathsep}{ROOT}"},
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        assert eventually(lambda: "Ctrl-C" in self.log.read_text(), START_SECONDS), self.log.read_text()
        assert self.get(b"/").status == 200

    def children(self, command: str = "worker") -> set[int]:
        return set(children_of(self.process.pid, command))

    def hang_up(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def said(self, words: str, times: int = 1) -> bool:
        return eventually(lambda: self.log.read_text().count(words) >= times, START_SECONDS)

    def get(self, target: bytes) -> Answer:
        wire = Wire(socket.create_connection(("127.0.0.1", self.port), START_SECONDS))
        wire.sock.settimeout(START_SECONDS)
        try:
            wire.send(b"GET %b HTTP/1.1\r\nHost: shop.example\r\n%b\r\n" % (target, FIELDS))
            return wire.answer()
        finally:
            wire.close()

    def tags(self, target: bytes) -> bool:
        return b"<script async src=" in self.get(target).body

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(START_SECONDS)


@contextlib.contextmanager
def served(where: Path, **configured: int) -> Iterator[Served]:
    with origin(site) as upstream:
        running = Served(where, upstream.port)
        running.configure(**configured)
        try:
            running.start()
            yield running
            assert running.end() == 0, running.log.read_text()
        finally:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
    assert "Traceback" not in running.log.read_text()


class Load:
    """Visitors who ask without a pause: `keeping` on connections that they keep, `coming` on a new one each time. What
    was not answered whole is in `failures`."""

    def __init__(self, port: int, *, keeping: int = 4, coming: int = 2) -> None:
        self.port = port
        self.answered: list[float] = []
        self.failures: list[str] = []
        self.ending = threading.Event()
        kinds = [self._keep] * keeping + [self._come] * coming
        self.threads = [threading.Thread(target=self._repeat, args=(kind,), daemon=True) for kind in kinds]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)

    def _repeat(self, visit: Callable[[], None]) -> None:
        while not self.ending.is_set():
            try:
                visit()
            except OSError as wrong:
                self.failures.append(f"{visit.__name__}: {wrong!r}")
                self.ending.wait(0.01)  # who is refused and tries again at once keeps the others from asking

    def connect(self) -> Wire:
        return connected(self.port)

    def ask(self, wire: Wire, fields: bytes = b"") -> Answer:
        say(wire, fields)
        return self.hear(wire)

    def hear(self, wire: Wire) -> Answer:
        answer = wire.answer()
        if answer.status != 200 or not answer.whole or b"</body>" not in answer.body:
            self.failures.append(f"{answer.status}, {len(answer.body)} bytes, whole: {answer.whole}")
        self.answered.append(time.monotonic())
        return answer

    def _keep(self) -> None:
        said, is_known = time.monotonic(), False
        wire = self.connect()
        try:
            while True:
                before, said = said, time.monotonic()
                try:
                    say(wire)
                finally:
                    waited = time.monotonic() - before
                if self.hear(wire).get(b"connection") == b"close" or self.ending.is_set():
                    return
                is_known = True
        except ConnectionError as wrong:
            # A busy machine may keep a visitor from asking for so long that he has to be ready for a close.
            if waited <= PARTING_SECONDS or "closed after b''" not in str(wrong):
                raise ConnectionError(f"{'again' if is_known else 'first'}, {wrong}") from None
        finally:
            wire.close()

    def _come(self) -> None:
        wire = self.connect()
        try:
            self.ask(wire, b"Connection: close\r\n")
        finally:
            wire.close()


def connected(port: int) -> Wire:
    return Wire(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS))


def say(wire: Wire, fields: bytes = b"") -> None:
    wire.send(b"GET /page HTTP/1.1\r\nHost: shop.example\r\n%b%b\r\n" % (FIELDS, fields))


def test_no_request_is_refused_or_cut_while_the_configuration_changes(tmp_path):
    with served(tmp_path, workers=2) as here, Load(here.port) as load:
        before = here.children()
        assert len(before) == 2 and here.tags(b"/page")
        slow, upload, talk = load.connect(), load.connect(), load.connect()
        slow.send(b"GET /slow HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        slow.until(b"\r\n\r\n")
        head = b"POST /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % len(UPLOAD)
        upload.send(head + UPLOAD[:100_000])
        talk.send(asking())
        assert b"101" in talk.until(b"\r\n\r\n")
        talk.send(HELLO)
        assert talk.exactly(len(HELLO)) == HELLO

        here.configure('[tracking]\nexclude = ["/page"]', workers=3)
        here.hang_up()
        upload.send(UPLOAD[100_000:200_000])
        assert here.said("footfall: reloaded: "), here.log.read_text()
        assert len(here.children() - before) == 3
        upload.send(UPLOAD[200_000:])
        assert upload.answer().body == b"%d" % len(UPLOAD)
        assert talk.exactly(4) == GOODBYE
        assert slow.exactly(SLOW_PIECES) == b"s" * SLOW_PIECES
        # That it would be the last one, this answer could no longer say: so it is not.
        assert eventually(lambda: load.ask(slow).get(b"connection") == b"close")
        talk.close()
        assert eventually(lambda: not before & here.children(), START_SECONDS)
        assert not any(here.tags(b"/page") for _ in range(10)) and here.tags(b"/other")
        load.ending.set()
        for wire in (slow, upload):
            wire.close()
    assert load.failures == []
    assert len(load.answered) > 100


def test_a_configuration_that_cannot_be_used_is_told_and_changes_nothing(tmp_path):
    with served(tmp_path) as here, Load(here.port, keeping=1, coming=1) as load:
        before = here.children()
        with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
            other.execute("CREATE TABLE somebody_elses (id)")
        for lines, told in (
            (
                '[tracking]\nexlude = ["/page"]',
                "config.toml: tracking.exlude: unknown key; did you mean tracking.exclude",
            ),
            ("[limits]\nconnections = 0", "config.toml: limits.connections: must be"),
            ('[tls]\ncert_file = "none.pem"', "tls.cert_file: "),
            ('[api]\njwt_keys = ["HS256:none"]', "api.jwt_keys: "),
            ('[store]\nurl = "sqlite:///other.db"', "other.db: "),
            ("[tracking", "config.toml: not valid TOML"),
        ):
            count = here.log.read_text().count("not reloaded: ")
            here.configure(lines)
            here.hang_up()
            assert here.said("not reloaded: ", count + 1), lines
            last = here.log.read_text().splitlines()[-1]
            assert last.startswith("footfall: not reloaded: ") and told in last and last.endswith("as it was"), last
        (tmp_path / "config.toml").unlink()
        here.hang_up()
        assert here.said("not reloaded: config.toml: No such file or directory")
        assert here.children() == before and here.tags(b"/page")
    assert load.failures == []


def test_what_cannot_change_is_told_and_the_rest_changes(tmp_path):
    with served(tmp_path) as here:
        secret = (tmp_path / "footfall.key").read_text()
        (tmp_path / "footfall.key").write_text(secret.replace("1 ", "2 ", 1))
        here.configure('[tracking]\nexclude = ["/page"]', listen=f"127.0.0.1:{free_port()}", report="127.0.0.1:8089")
        here.hang_up()
        assert here.said("footfall: reloaded: ")
        for name in ("site.listen", "report.listen", str(tmp_path / "footfall.key")):
            assert f"footfall: {name} is taken up at the next start\n" in here.log.read_text()
        assert eventually(lambda: not here.tags(b"/page")) and not here.children("report-site")


def test_the_report_has_the_new_configuration_and_its_password_anew(tmp_path):
    with served(tmp_path) as here:
        assert here.end() == 0
        port = free_port()
        here.configure(report=f"127.0.0.1:{port}")
        here.start()
        first = here.children("report-site")

        def asked(host: str) -> int:
            token = (tmp_path / "footfall.token").read_text().strip()
            wire = Wire(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS))
            wire.send(b"GET /?token=%b HTTP/1.1\r\nHost: %b\r\n\r\n" % (token.encode(), host.encode()))
            try:
                return wire.answer().status
            finally:
                wire.close()

        assert asked("report.example") in (400, 403, 421)
        old = (tmp_path / "footfall.token").read_text()
        (tmp_path / "footfall.token").unlink()
        here.configure('hosts = ["report.example"]', report=f"127.0.0.1:{port}")
        here.hang_up()
        assert here.said("footfall: reloaded: ")
        assert (tmp_path / "footfall.token").read_text() != old
        assert eventually(lambda: not first & here.children("report-site"), START_SECONDS)
        assert asked("report.example") in (200, 302, 303)


def test_many_hang_ups_leave_one_set_of_workers_with_the_last_configuration(tmp_path):
    with served(tmp_path) as here, Load(here.port, keeping=2, coming=1) as load:
        held = [load.connect() for _ in range(3)]
        most = 0
        for n, wire in zip(itertools.count(), held, strict=False):
            wire.send(b"GET /slow HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            wire.until(b"\r\n\r\n")
            for k in range(5):
                here.configure(f'[tracking]\nexclude = ["/page{n}{k}"]')
                here.hang_up()
                most = max(most, len(here.children()))
        assert eventually(lambda: not here.tags(b"/page24"), START_SECONDS)
        assert eventually(lambda: len(here.children()) == 1, START_SECONDS)
        assert here.tags(b"/page23") and most <= 4  # one that serves, one on trial, two that finish
        assert all(wire.exactly(SLOW_PIECES) == b"s" * SLOW_PIECES for wire in held)
        for wire in held:
            wire.close()
    assert load.failures == []


def test_new_workers_that_do_not_start_leave_the_old_ones(tmp_path):
    """Here since one is killed before it can answer."""
    with served(tmp_path) as here, Load(here.port, keeping=1, coming=1) as load:
        before = here.children()
        here.configure('[tracking]\nexclude = ["/page"]', workers=2)
        (gate := tmp_path / "wait").touch()
        (tmp_path / "sitecustomize.py").write_text(WAITS % str(gate))
        here.hang_up()
        assert eventually(lambda: here.children() - before, START_SECONDS)
        os.kill(min(here.children() - before), signal.SIGKILL)
        gate.unlink()
        assert here.said("not reloaded: worker "), here.log.read_text()
        assert "killed by SIGKILL; everything goes on as it was" in here.log.read_text()
        assert eventually(lambda: here.children() == before, START_SECONDS)
        assert here.tags(b"/page")
        here.hang_up()  # and the next one succeeds
        assert here.said("footfall: reloaded: ")
        assert eventually(lambda: len(now := here.children()) == 2 and not before & now, START_SECONDS)
    assert load.failures == []


def test_the_end_in_the_middle_of_a_reload_is_the_end(tmp_path):
    with served(tmp_path) as here:
        before = here.children()
        here.configure(workers=2)
        here.hang_up()
        assert eventually(lambda: here.children() - before, START_SECONDS)
        everyone = here.children()
        assert here.end() == 0
        assert not [pid for pid in everyone if Path(f"/proc/{pid}/cmdline").exists()]


def test_what_was_asked_before_the_end_is_answered(tmp_path):
    """After the signal a connection may be refused, or reset before anything was asked of it upstream."""
    asked: list[bytes] = []

    def counting(wire: Wire, seen: Seen) -> bool:
        asked.append(seen.line)
        time.sleep(0.02)
        return site(wire, seen)

    with origin(counting) as upstream:
        here = Served(tmp_path, upstream.port)
        here.configure(workers=2)
        here.start()
        first = len(asked)
        with Load(here.port, keeping=8, coming=4) as load:
            assert eventually(lambda: len(load.answered) > 100)
            slow = load.connect()
            slow.send(b"GET /slow HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            slow.until(b"\r\n\r\n")
            here.process.terminate()
            assert slow.exactly(SLOW_PIECES) == b"s" * SLOW_PIECES
            slow.close()
            assert here.process.wait(START_SECONDS) == 0
            load.ending.set()
    assert [line for line in load.failures if line[0].isdigit()] == []  # no answer was cut
    assert [line for line in load.failures if "again, " in line] == []  # who had been answered was answered again
    assert len(asked) - first == len(load.answered) + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_who_waited_to_be_let_in_at_the_end_is_answered(tmp_path, workers):
    """The kernel has their connections and their requests, and would reset them with the last socket that listens."""
    with served(tmp_path, workers=workers) as here:
        assert eventually(lambda: len(here.children()) == workers)
        stopped = here.children()
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            assert eventually(lambda: all(map(is_stopped, stopped)))
            waiting = [connected(here.port) for _ in range(WAITING)]
            for wire in waiting:
                say(wire)
            quick = connected(here.port)
            quick.send(b"GET /_footfall/t.js HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            here.process.terminate()
            assert eventually(lambda: all(is_told(pid, signal.SIGTERM) for pid in stopped))
            time.sleep(TICK_SECONDS)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        found = [wire.answer() for wire in waiting]
        assert [(one.status, one.body[-7:], one.get(b"connection")) for one in found] == [LAST_PAGE] * WAITING
        assert quick.answer().get(b"connection") == b"close"
        assert all(wire.is_closed() for wire in (*waiting, quick))
        assert here.process.wait(START_SECONDS) == 0


def test_who_asks_once_a_second_is_answered_once_more(tmp_path):
    """Nothing is under way on his connection when the end begins. Of several, for a busy machine one is late."""
    with served(tmp_path) as here:
        wires = [connected(here.port) for _ in range(8)]
        for wire in wires:
            say(wire)
            assert wire.answer().get(b"connection") != b"close"
        listened = time.monotonic()
        here.process.terminate()
        with contextlib.suppress(ConnectionError):
            while True:  # as long as somebody listens
                asks = time.monotonic()
                connected(here.port).close()
                listened = asks
                time.sleep(0.005)
        in_time = []
        for wire, seconds in zip(wires, (0.5, 0.6, 0.7, 0.8, 0.9, 0.93, 0.95, 0.97), strict=True):
            time.sleep(max(0.0, listened + seconds * PARTING_SECONDS - time.monotonic()))
            with contextlib.suppress(ConnectionError):
                say(wire)
            if time.monotonic() < listened + PARTING_SECONDS:
                in_time.append(wire)
        assert [wire.answer().get(b"connection") for wire in in_time] == [b"close"] * len(in_time)
        assert here.process.wait(START_SECONDS) == 0


def sockets_of(pid: int) -> set[str]:
    return {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}


def test_kept_connections_are_spread_evenly_and_again_over_new_workers(tmp_path):
    with served(tmp_path, workers=2) as here:

        def counts() -> list[int]:
            """Connections of each worker, while 64 that came at once are kept."""
            load = Load(here.port)
            wires = [load.connect() for _ in range(64)]
            for wire in wires:
                load.ask(wire)
            established = set()
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                local, _, state, *_, inode = line.split()[1:10]
                if int(local.partition(":")[2], 16) == here.port and state == "01":
                    established.add(f"socket:[{inode}]")
            found = [len(sockets_of(pid) & established) for pid in here.children()]
            for wire in wires:
                wire.close()
            assert sum(found) == 64 and not load.failures
            return found

        before = here.children()
        assert eventually(lambda: max(counts()) <= 40, START_SECONDS)  # the first worker that answers waits for nobody
        here.configure(workers=4)
        here.hang_up()
        assert here.said("footfall: reloaded: ")
        assert eventually(lambda: not before & here.children(), START_SECONDS)
        assert len(here.children()) == 4
        assert eventually(lambda: max(counts()) <= 26, START_SECONDS)  # the last one may only have begun to listen


def test_workers_take_no_notice_of_a_hang_up(tmp_path):
    """`systemctl kill --signal=HUP` sends it to all processes of the unit."""
    with served(tmp_path, workers=2) as here:
        before = here.children()
        for pid in before:
            os.kill(pid, signal.SIGHUP)
        assert here.get(b"/").status == 200
        assert here.children() == before


def test_a_terminal_that_is_closed_ends_it(tmp_path):
    ours, its = pty.openpty()
    with origin(site) as upstream:
        here = Served(tmp_path, upstream.port)
        here.configure()
        # A session without a terminal gets the first one that its leader opens.
        code = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
        with here.log.open("w") as log:
            here.process = subprocess.Popen(
                [sys.executable, "-c", code, sys.executable, "-m", "proxy", "serve"],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=its,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        os.close(its)
        try:
            assert here.said("Ctrl-C")
            assert here.get(b"/").status == 200
            os.close(ours)
            assert here.process.wait(START_SECONDS) == 0
            assert not answers(here.port)
        finally:
            if here.process.poll() is None:
                here.process.kill()
                here.process.wait()


def test_a_file_that_is_not_there_for_a_moment_is_no_word_for_the_defaults(tmp_path: Path) -> None:
    with served(tmp_path) as here:
        before = here.children()
        here.configure("[consent]", 'mode = "opt-in"')
        here.hang_up()
        assert here.said("reloaded: ")
        assert eventually(lambda: not before & here.children(), START_SECONDS)  # which accept for a moment yet
        away = (tmp_path / "config.toml").rename(tmp_path / "away")
        here.hang_up()
        assert here.said("not reloaded: "), here.log.read_text()
        assert "config.toml" in here.log.read_text().splitlines()[-1]
        assert all(name != b"set-cookie" for name, _ in here.get(b"/").fields)
        away.rename(tmp_path / "config.toml")
        here.hang_up()
        assert here.said("\nfootfall: reloaded: ", 2), here.log.read_text()
