"""What every command has in common: its configuration, the width of what it prints."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from proxy.config import Config, load

DEFAULT_FILE = Path("config.toml")
OVERRIDES = {"store": "store.url", "listen": "site.listen", "report": "report.listen", "workers": "site.workers"}
"""Options that win over their key."""
SUMMARY_COLUMNS = 80  # where nobody says how wide the terminal is


def configuration(given: argparse.Namespace, overrides: dict[str, object]) -> Config:
    if given.config is None and DEFAULT_FILE.is_file():
        given.config = DEFAULT_FILE  # from now on, or a reload that does not find it would fall back on the defaults
    for option, key in OVERRIDES.items():
        overrides[key] = getattr(given, option, None)
    return load(given.config, os.environ, overrides)


def columns() -> int:
    """Of the terminal; what goes elsewhere is as wide as ever."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else SUMMARY_COLUMNS


def terminal_columns() -> int:
    """Of the terminal, or as COLUMNS says."""
    return shutil.get_terminal_size((SUMMARY_COLUMNS, 1)).columns
