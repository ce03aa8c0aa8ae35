"""What the processes of a running footfall are told: a configuration in, the jobs of its workers and its report out.

Law: nothing is started or bound here. Secrets go by the children's input alone.
"""

import json
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
    """The workers, who writes for them where there are several, and the report where there is one. Raises
    SecretFileError: the report's password."""
    told = json.dumps({"config": config.to_json(), "keys": to_text(standing.keys)}).encode()
    workers = Job("worker", "worker", (standing.listener,), told, config.site.workers)
    writing: tuple[Job, ...] = ()
    if workers.count > 1:
        workers, writing = replace(workers, door="giving"), (Job("writer", "writer", (), told, door="taking"),)
    return [*writing, workers, *_report_job(config, standing)]


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
