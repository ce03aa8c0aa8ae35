"""The parent process without its command: what it does with children that do not want to live."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.children import MALLOC, Job, environment
from proxy.listening import BindError, bind
from proxy.supervisor import Supervisor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def from_anywhere(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_a_job_that_never_starts_is_given_up_with_exit_code_1(from_anywhere, capfd):
    said = []

    async def run() -> int:
        return await Supervisor(announce=said.append, drain_seconds=5).run([Job("nothing", "no-such-command", ())])

    assert asyncio.run(run()) == 1
    assert said[-1] == "nothing does not start: exit code 2"
    assert len(said) == 5
    assert "no-such-command" in capfd.readouterr().err


def test_a_job_that_is_not_vital_is_given_up_alone(from_anywhere):
    said = []

    async def run() -> int:
        loop = asyncio.get_running_loop()
        supervisor = Supervisor(announce=said.append, drain_seconds=5)
        jobs = [Job("report", "no-such-command", (), vital=False), Job("shop", "demo-site", (bind("127.0.0.1", 0),))]
        task = asyncio.create_task(supervisor.run(jobs))
        deadline = loop.time() + 20
        while not any("report does not start" in line for line in said):
            assert loop.time() < deadline and not task.done()
            await asyncio.sleep(0.01)
        assert "shop=" in repr(supervisor)
        os.kill(os.getpid(), signal.SIGTERM)
        return await task

    assert asyncio.run(run()) == 0


def test_a_job_for_once_is_not_started_again(from_anywhere):
    said = []

    async def run() -> None:
        supervisor = Supervisor(announce=said.append, drain_seconds=5)
        jobs = [Job("once", "no-such-command", (), once=True), Job("shop", "demo-site", (bind("127.0.0.1", 0),))]
        task = asyncio.create_task(supervisor.run(jobs))
        deadline = asyncio.get_running_loop().time() + 20
        while not said or "shop=" not in repr(supervisor):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await task

    asyncio.run(run())
    assert said == ["once ended (exit code 2)"]


def test_what_fails_in_the_supervisor_itself_is_its_end_and_the_others_are_drained(from_anywhere):
    def announce(line: str) -> None:
        raise RuntimeError(line)

    async def run() -> None:
        supervisor = Supervisor(announce=announce, drain_seconds=5)
        listener = bind("127.0.0.1", 0)
        jobs = [Job("shop", "demo-site", (listener,)), Job("nothing", "no-such-command", ())]
        async with asyncio.timeout(20):
            with pytest.raises(RuntimeError, match="nothing ended after"):
                await supervisor.run(jobs)
        assert repr(supervisor) == "<Supervisor stopping>" and listener.fileno() == -1

    asyncio.run(run())


def test_its_repr_tells_who_runs(from_anywhere):
    async def run() -> list[str]:
        supervisor = Supervisor(announce=lambda line: None, drain_seconds=5)
        listener = bind("127.0.0.1", 0)
        task = asyncio.create_task(supervisor.run([Job("shop", "demo-site", (listener,))]))
        deadline = asyncio.get_running_loop().time() + 10
        while "shop=" not in repr(supervisor):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        during = repr(supervisor)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await task in (0, 1)
        assert listener.fileno() == -1
        return [during, repr(supervisor)]

    during, after = asyncio.run(run())
    assert during.startswith("<Supervisor running shop=")
    assert after == "<Supervisor stopping>"


def test_an_ignored_hangup_stays_ignored(tmp_path):
    code = """
import asyncio, os, signal
from proxy.supervisor import Supervisor
signal.signal(signal.SIGHUP, signal.SIG_IGN)
async def run():
    task = asyncio.create_task(Supervisor(announce=print, drain_seconds=5).run([]))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGHUP)
    done, _ = await asyncio.wait({task}, timeout=0.3)
    assert not done
    os.kill(os.getpid(), signal.SIGINT)
    assert await task == 0
asyncio.run(run())
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=20)


def test_an_address_in_use_or_not_ours_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BindError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
            bind("127.0.0.1", port)
    with pytest.raises(BindError, match=r"^cannot listen on 192\.0\.2\.1:0: "):
        bind("192.0.2.1", 0)


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_name_that_cannot_be_one_is_one_line(host):
    with pytest.raises(BindError, match=rf"^cannot listen on {host}:0: not a host name$"):
        bind(host, 0)


def test_what_the_owner_set_for_malloc_wins():
    name = next(iter(MALLOC))
    assert environment({name: "1", "PATH": "/bin"})[name] == "1"
