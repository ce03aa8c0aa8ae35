"""What `footfall serve` and `footfall demo` start under a parent: workers, the report, the demo's shop and visitors.

Law: whatever cannot work is said before anything is started; an address that is taken is waited for a moment.
"""

import argparse
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial

from proxy import files, reporttoken
from proxy.children import Job
from proxy.config import Config
from proxy.jobs import Standing, jobs_of, refuse_unusable, site_of
from proxy.listening import BindError, bind_patiently
from proxy.printing import print_error, say
from proxy.reloading import renewed
from proxy.screen import url_of, welcome
from proxy.secretfile import SecretFileError
from proxy.supervisor import Supervisor

DRAIN_SECONDS = 35.0  # for workers, which give themselves 30 s to finish what is in flight; then they are killed


async def serve(read: Callable[[], Config], given: argparse.Namespace) -> int:
    """Serve until the signal; the exit code. `read` reads the configuration: now, and at each reload."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # until the supervisor understands it: it would end us
    config = read()
    refuse_unusable(config)
    listener = await bind_patiently(*config.site.listen_address)
    lasting: list[Job] = []
    shop = ""
    if given.command == "demo":
        site = await bind_patiently("127.0.0.1", 0)
        lasting.append(Job("demo shop", "demo-site", (site,)))
        shop = url_of(site)
        config = config.with_upstream(shop)
    logging.basicConfig(level=logging.WARNING, format="footfall: %(message)s")
    keys = files.prepare(config)
    reported, token = await _report(config)
    standing = Standing(config, keys, listener, reported, shop)
    jobs = jobs_of(config, standing)
    lasting += _simulated(config, listener, given)
    report = f"{url_of(reported)}/?token={token}" if reported is not None else ""
    for line in welcome(config, site_of(config, listener), report, given):
        print_error(line)
    renew = None if has_terminal() else partial(renewed, read, standing)
    return await Supervisor(announce=say, drain_seconds=DRAIN_SECONDS).run(jobs, lasting=lasting, renew=renew)


def has_terminal() -> bool:
    """Whether there is a terminal whose closing would be told by SIGHUP (tty(4), /dev/tty)."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def _report(config: Config) -> tuple[socket.socket | None, str]:
    """The report's socket and its password; None where there is none: a report that cannot be had is no reason not to
    serve the site."""
    if config.report.listen_address is None:
        return None, ""
    try:
        token = reporttoken.load_token(config.token_path)
        return await bind_patiently(*config.report.listen_address), token
    except (BindError, SecretFileError) as wrong:
        say(f"there will be no report: {wrong}")
        return None, ""


def _simulated(config: Config, listener: socket.socket, given: argparse.Namespace) -> Sequence[Job]:
    if given.command != "demo" or not given.visitors:
        return ()
    walk = {"address": site_of(config, listener), "visitors": given.visitors}
    return (Job("simulated visitors", "demo-visitors", (), json.dumps(walk).encode(), once=True),)
