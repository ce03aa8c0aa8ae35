"""What the processes of a running footfall are told: a configuration in, the jobs of its workers and its report out.

Law: nothing is started or bound here. Secrets go by the children's input alone.
"""

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from proxy import apikeys, certificates, reporttoken
from proxy.children import Job
from proxy.config import Config, ConfigError
from proxy.keys import to_text
from proxy.screen import url_of
from proxy.visitors.cookie import Key
from proxy.visitors.customers import mark_keys
from proxy.visitors.erased import erasure_keys


@dataclass(frozen=True, slots=True)
class Standing:
    """What stays as it was at the start, whatever is configured meanwhile. `report`: None where there is no report;
    `shop`: the demo's own site, '' where there is none. The keys stay because workers of two configurations serve side
    by side for a moment: a visitor who is known to the one must not be new to the other."""

    config: Config
    keys: tuple[Key, ...]
    listener: socket.socket
    report: socket.socket | None
    shop: str = ""


def refuse_unusable(config: Config) -> None:
    """Raises ConfigError: a file that the configuration names cannot be used."""
    if wrong := certificates.inspect_tls(config) or apikeys.inspect(config):
        raise ConfigError(wrong)


def site_of(config: Config, listener: socket.socket) -> str:
    """The address where visitors connect."""
    return url_of(listener, "https" if config.tls.cert_file else "http")


def jobs_of(config: Config, standing: Standing) -> list[Job]:
    """The workers, who writes for them where that is a process of its own, and the report where there is one. Raises
    SecretFileError: the report's password."""
    told = json.dumps({"config": config.to_json(), "keys": to_text(standing.keys)}).encode()
    workers = Job("worker", "worker", (standing.listener,), told, config.site.workers)
    writing: tuple[Job, ...] = ()
    if workers.count > 1 or _cores() > 1:
        workers, writing = replace(workers, door="giving"), (Job("writer", "writer", (), told, door="taking"),)
    return [*writing, workers, *_report_job(config, standing)]


def _cores() -> int:
    """That footfall may use. Where there is only one, one worker writes in a thread of its own: a page takes a sixth
    less CPU. Where there are two, its event loop need not wait for that thread: of 3,900 pages a second half are
    answered within 1.4 instead of 3.9 ms."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _report_job(config: Config, standing: Standing) -> Sequence[Job]:
    if standing.report is None:
        return ()
    secrets = [key.secret for key in standing.keys]
    told = {
        "config": config.to_json(),
        "token": reporttoken.load_token(config.token_path),
        "site": site_of(config, standing.listener),
        "customers": [key.hex() for key in mark_keys(secrets)],
        "erasures": [key.hex() for key in erasure_keys(secrets)],
    }
    return (Job("report", "report-site", (standing.report,), json.dumps(told).encode(), vital=False),)
