"""What `footfall serve` and `footfall demo` start under a parent: workers, the report, the demo's shop and visitors.

Law: whatever cannot work is said before anything is started; an address that is taken is waited for a moment.
"""

import argparse
import json
import logging
from collections.abc import Sequence

from proxy import apikeys, certificates, files, reporttoken
from proxy.config import Config, ConfigError
from proxy.keys import to_text
from proxy.printing import print_error, say
from proxy.screen import url_of, welcome
from proxy.secretfile import SecretFileError
from proxy.supervisor import BindError, Job, Supervisor, bind_patiently
from proxy.visitors.cookie import Key
from proxy.visitors.customers import mark_keys
from proxy.visitors.erased import erasure_keys

DRAIN_SECONDS = 35.0  # for workers, which give themselves 30 s to finish what is in flight; then they are killed


async def serve(config: Config, given: argparse.Namespace) -> int:
    """Serve until the signal; the exit code."""
    demo = given.command == "demo"
    if wrong := certificates.inspect_tls(config) or apikeys.inspect(config):
        raise ConfigError(wrong)
    listener = await bind_patiently(*config.site.listen_address)
    address = url_of(listener, "https" if config.tls.cert_file else "http")
    jobs = []
    if demo:
        site = await bind_patiently("127.0.0.1", 0)
        jobs.append(Job("demo shop", "demo-site", (site,)))
        config = config.with_upstream(url_of(site))
    logging.basicConfig(level=logging.WARNING, format="footfall: %(message)s")
    keys = files.prepare(config)
    told = {"config": config.to_json(), "keys": to_text(keys)}
    jobs.append(Job("worker", "worker", (listener,), json.dumps(told).encode(), given.workers))
    report = await _report_job(config, keys, address, jobs)
    if demo and given.visitors:
        walk = {"address": address, "visitors": given.visitors}
        jobs.append(Job("simulated visitors", "demo-visitors", (), json.dumps(walk).encode(), once=True))
    for line in welcome(config, address, report, given):
        print_error(line)
    return await Supervisor(announce=say, drain_seconds=DRAIN_SECONDS).run(jobs)


async def _report_job(config: Config, keys: Sequence[Key], site: str, jobs: list[Job]) -> str:
    """Adds the report's process to the jobs. Returns the address that opens it, '' where there is none: a report that
    cannot be had is no reason not to serve the site."""
    if config.report.listen_address is None:
        return ""
    try:
        token = reporttoken.load_token(config.token_path)
        listener = await bind_patiently(*config.report.listen_address)
    except (BindError, SecretFileError) as wrong:
        say(f"there will be no report: {wrong}")
        return ""
    secrets = [key.secret for key in keys]
    told = {
        "config": config.to_json(),
        "token": token,
        "site": site,
        "customers": [key.hex() for key in mark_keys(secrets)],
        "erasures": [key.hex() for key in erasure_keys(secrets)],
    }
    jobs.append(Job("report", "report-site", (listener,), json.dumps(told).encode(), vital=False))
    return f"{url_of(listener)}/?token={token}"
