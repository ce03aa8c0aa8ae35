"""`footfall doctor`: what is wrong with a store, in words or as JSON, and what was made right.

Law: prints nothing and changes nothing unless it is told to. What is worth knowing and nobody's fault, such as sizes,
is said after what was found and is no finding.
"""

import json
from collections.abc import Callable
from pathlib import Path

from proxy.errors import StartError
from proxy.store.base import StoreError
from proxy.store.sqlite.examining import Examination, Several, examine, mend
from proxy.tables import Config

FINDINGS_SHOWN = 10
"""Of a table."""
QUESTION = "Make what is counted what was recorded (--repair)?"
MEGABYTE = 1_000_000

At = Callable[[str, int, int], None]


def look(config: Config, at: At) -> Examination:
    """What is found. Raises StartError."""
    try:
        return examine(config.store_path, config.report.zone, most=FINDINGS_SHOWN, at=at)
    except StoreError as error:
        raise StartError(str(error)) from error


def repair(config: Config, at: At) -> None:
    """Make right what counting makes right. Raises StartError."""
    try:
        mend(config.store_path, config.store.durability, config.report.zone, at)
    except StoreError as error:
        raise StartError(f"{error}; nothing was repaired") from error


def is_well(found: Examination) -> bool:
    return not found.faults and not found.findings


def can_be_repaired(found: Examination) -> bool:
    return any(one.mends for one in found.findings)


def in_words(found: Examination) -> list[str]:
    """What was found, as lines."""
    if found.faults:
        return [
            "the file is damaged, and nothing else was looked at:",
            *(f"  {fault}" for fault in found.faults),
            "move it away, its -wal and -shm too; the latest backup is whole (docs/deploy.md, Backups)",
        ]
    lines = []
    for one in found.findings:
        lines.append(f"{one.table}: {_number(one)}")
        lines += [f"  {words}" for words in one.first]
        if one.number > len(one.first):
            lines.append(f"  and {one.number - len(one.first):,} more")
    return lines or ["the file is whole, everything leads somewhere, and what is counted is what was recorded"]


def _number(one: Several) -> str:
    number = f"{one.number:,} finding{'' if one.number == 1 else 's'}"
    if not one.mends:
        return f"{number}, of which counting makes none right"
    return number if one.mends == one.number else f"{number}, of which counting makes {one.mends:,} right"


def repaired_in_words(before: Examination, after: Examination) -> list[str]:
    """What became of what was found."""
    told = ", ".join(f"{one.mends:,} of {one.table}" for one in before.findings if one.mends)
    return [f"repaired: {told}", *(in_words(after) if not is_well(after) else ["nothing is left"])]


def sizes_in_words(found: Examination, now: float) -> list[str]:
    """How large everything is; `now` Unix seconds."""
    lines = [f"  {name or 'all':14}{size / MEGABYTE:>12,.1f} MB" for name, size in found.sizes]
    if found.log is not None:
        size, written = found.log
        ago = max(0, round(now - written))
        lines.append(f"write-ahead log: {size / MEGABYTE:,.1f} MB, written last {ago:,} s ago")
    if found.foreign_days:
        lines.append(
            f"{found.foreign_days:,} of {found.days:,} days begin at another time than report.timezone has it: they "
            "were counted before it was set, and stay as they are"
        )
    return ["tables, with their indexes:", *lines] if found.sizes else lines


def as_json(store: Path, before: Examination, after: Examination | None, now: float) -> str:
    """All of it as one object. `after`: what is left, None where nothing was to be repaired."""
    left = after or before
    told: dict[str, object] = {
        "store": str(store),
        "faults": list(left.faults),
        "findings": [
            {"table": one.table, "number": one.number, "mends": one.mends, "first": list(one.first)}
            for one in left.findings
        ],
    }
    if after is not None:
        told["repaired"] = {one.table: one.mends for one in before.findings if one.mends}
    told["bytes"] = {name or "all": size for name, size in left.sizes}
    if left.log is not None:
        told["log"] = {"bytes": left.log[0], "written_seconds_ago": max(0, round(now - left.log[1]))}
    told["days"], told["days_of_another_zone"] = left.days, left.foreign_days
    return json.dumps(told, ensure_ascii=False)
