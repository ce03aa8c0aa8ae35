"""A running footfall's configuration, read again: what changes with it, and what stays until the next start.

Law: what cannot be used is told in one line, as at a start, and then nothing changes. What cannot change while it runs
is told in a line each, and the rest does.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from proxy import files
from proxy.children import Job
from proxy.config import Config, ConfigError, refuse_a_circle
from proxy.errors import StartError
from proxy.jobs import Standing, jobs_of, refuse_unusable
from proxy.keys import load_keys
from proxy.printing import say
from proxy.secretfile import SecretFileError


def renewed(read: Callable[[], Config], standing: Standing) -> list[Job] | None:
    """The jobs as the configuration, which `read` reads anew, wants them now; None: it cannot be used. Says what is
    wrong with it, or what of it is not taken up yet."""
    try:
        wanted = read()
        config = _with_what_stays(wanted, standing)
        refuse_a_circle(config)
        refuse_unusable(config)
        files.prepare_store(config)
        jobs = jobs_of(config, standing)
    except (ConfigError, StartError, SecretFileError) as wrong:
        say(f"not reloaded: {' '.join(str(wrong).split())}; everything goes on as it was")
        return None
    for name in _not_yet(wanted, standing):
        say(f"{name} is taken up at the next start")
    return jobs


def _with_what_stays(config: Config, standing: Standing) -> Config:
    started = standing.config
    site = replace(config.site, listen=started.site.listen)
    config = replace(config, site=site, report=replace(config.report, listen=started.report.listen))
    return config.with_upstream(standing.shop) if standing.shop else config


def _not_yet(config: Config, standing: Standing) -> Iterator[str]:
    """An address may be in use by then, and a folder not ours to make a socket in: that is for a start to find out."""
    if config.site.listen != standing.config.site.listen:
        yield "site.listen"
    if config.report.listen != standing.config.report.listen:
        yield "report.listen"
    try:
        is_same = config.key_path.exists() and load_keys(config.key_path) == standing.keys
    except SecretFileError:
        is_same = False
    if not is_same:
        yield str(config.key_path)
