"""What is held of a visitor, opened for whoever may see it: the visitor's page, and the report."""

from proxy.definitions import catalogue_of
from proxy.store.sqlite.held import SqliteHeld
from proxy.tables import Config


def open_held(config: Config) -> SqliteHeld:
    """The store of this configuration. Raises StoreError."""
    return SqliteHeld(config.store_path, labels=catalogue_of(config.events).labels)
