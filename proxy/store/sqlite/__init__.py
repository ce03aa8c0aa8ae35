"""The SQLite engine: one file in WAL mode, one writing thread a process, read-only readers."""
