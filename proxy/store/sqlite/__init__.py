"""The SQLite engine: one file in WAL mode, one writer a process, read-only readers."""
