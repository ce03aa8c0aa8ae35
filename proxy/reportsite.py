"""The report's process: configuration in, its pages served until the end.

Law: the store is only read, until somebody forgets a visitor, and what writes is not loaded before; nothing here is in
the way of a visitor: where both want the CPU, whoever fronts the site has it.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from socket import socket

from proxy.clock import now_ms
from proxy.definitions import catalogue_of
from proxy.http.life import Life
from proxy.http.server import run
from proxy.loading import report_keeper
from proxy.report.app import make_report
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Config
from proxy.visitors.customers import Customers
from proxy.vocabulary import as_plain

STOP_SECONDS = 2
"""For answers under way; live feeds never end by themselves."""
NICER = 10
"""By so much the report gives way to whatever else runs: its questions of a large store take a core for a second."""
HERE = frozenset(("localhost", "127.0.0.1", "::1"))


def run_report(
    config: Config,
    token: str,
    site: str,
    version: str,
    sockets: list[socket],
    life: Life,
    *,
    customer_keys: Sequence[bytes],
    erasure_keys: Sequence[bytes],
) -> int:
    """The report's process: serve it on the sockets until the signal or the parent's end. `site` is the address where
    visitors connect; `customer_keys` (visitors/customers.py, `mark_keys`) find a customer, `erasure_keys`
    (visitors/erased.py) mark who is erased; neither sign anything."""
    os.nice(NICER)
    address, catalogue = config.report.listen_address, catalogue_of(config.events)
    host = address[0] if address is not None else "localhost"
    app = make_report(
        lambda: SqliteQuestions(config.store_path, labels=catalogue.labels),
        open_keeper=lambda: report_keeper(config, erasure_keys),
        marks_of=Customers(customer_keys).marks,
        definitions=as_plain(catalogue),
        token=token,
        hosts=HERE | {host, *config.report.hosts},
        zone=config.report.zone,
        clock_ms=now_ms,
        site=config.site.public_origin or site,
        version=version,
    )
    return run(
        app,
        sockets=sockets,
        refused=lambda host, status: None,
        life=replace(life, stopping=app.stop),
        graceful_seconds=STOP_SECONDS,
    )
