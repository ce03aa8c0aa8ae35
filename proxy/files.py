"""What is on disk: the secrets file and the store, opened, checked and read for the commands.

Law: nothing here serves anybody. What can only be put right by the owner is a StartError of one line; what may pass by
itself is said and does not stop the site.
"""

import contextlib
import logging
from collections.abc import Iterator

from proxy.definitions import catalogue_of
from proxy.errors import StartError
from proxy.events.event import LANES
from proxy.events.table import lines_of
from proxy.keys import inspect as inspect_keys
from proxy.keys import load_keys
from proxy.secretfile import SecretFileError
from proxy.store.base import Query, Retention, StoreDamaged, StoreError, StoreUnavailable, StoreUnusable
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.tables import Config
from proxy.visitors.cookie import Key
from proxy.visitors.erased import Erased
from proxy.visitors.ids import parse_uuid
from proxy.visitors.sessions import Rules
from proxy.visitors.times import HOUR_MS, MINUTE_MS

log = logging.getLogger("footfall")


def keys_of(config: Config) -> tuple[Key, ...]:
    """The signing keys, made on first start. Raises StartError."""
    try:
        return load_keys(config.key_path)
    except SecretFileError as error:
        raise StartError(str(error)) from error


def erased_of(config: Config) -> Erased:
    """What knows of erased visitors; without a secrets file nobody was erased. Raises StartError."""
    return Erased(key.secret for key in (keys_of(config) if config.key_path.exists() else ()))


def open_writer(config: Config, erased: Erased) -> SqliteWriter:
    """The store of this configuration, for writing; `erased` is told of all who were erased. Raises StoreError."""
    session, catalogue = config.session, catalogue_of(config.events)
    rules = Rules(session.timeout_minutes * MINUTE_MS, session.max_hours * HOUR_MS)
    return SqliteWriter(
        config.store_path,
        durability=config.store.durability,
        rules=rules if config.tracking.sessions else None,
        retention=Retention(config.store.retention_days or None, catalogue.retention),
        erased=erased,
        zone=config.report.zone,
        stages=True,
    )


def open_reader(config: Config) -> SqliteReader:
    """The store of this configuration, for reading. Raises StoreError."""
    return SqliteReader(config.store_path, labels=catalogue_of(config.events).labels)


def prepare(config: Config) -> tuple[Key, ...]:
    """What the parent does before workers start: the secrets file, and the store's schema.

    Returns:
        The signing keys, for the workers: a file that is removed or spoilt meanwhile must not divide them.

    Raises:
        StartError: the secrets file or the store needs its owner.
    """
    keys = keys_of(config)
    prepare_store(config)
    return keys


def prepare_store(config: Config) -> None:
    """The store's schema. Raises StartError.

    A store that cannot be written now may be later, so it only warns: the site is served, beside a damaged file as
    well. One that is there by mistake (another program's file, a newer footfall's) is refused.
    """
    try:
        open_writer(config, erased_of(config)).close()
    except (StoreUnavailable, StoreDamaged) as error:
        log.error("the store cannot be written, the site is served without recording until it can: %s", error)
    except StoreUnusable as error:
        raise StartError(str(error)) from error


def inspect(config: Config) -> list[str]:
    """What `footfall serve` would stumble over on this machine, a line each: an existing secrets file or store that
    cannot be used. Makes nothing."""
    wrong = inspect_keys(config.key_path)
    problems = [] if wrong is None else [wrong]
    if config.store_path.exists():
        try:
            SqliteReader(config.store_path).close()
        except StoreUnavailable as error:
            log.debug("the store: %s", error)
        except StoreError as error:
            problems.append(str(error))
    return problems


def export(
    config: Config,
    *,
    format: str,
    since_ms: int | None,
    until_ms: int | None,
    action: str | None,
    visitor: str | None,
    lane: str | None,
) -> Iterator[str]:
    """The stored events as lines of JSON or CSV, in `seq` order (WIRE.md, "Export").

    Raises:
        StartError: there is no store, it cannot be read, or the filter is malformed.
    """
    uuid = parse_uuid(visitor) if visitor is not None else None
    if visitor is not None and uuid is None:
        raise StartError(f"--visitor {visitor}: not a UUID")
    query = Query(since_ms, until_ms, action, uuid, LANES.index(lane) if lane is not None else None)
    try:
        with contextlib.closing(open_reader(config)) as reader:
            yield from lines_of(reader.export(query), format)
    except StoreError as error:
        raise StartError(str(error)) from error
