"""`footfall forget`, and the report's page: a visitor is erased while footfall runs, and the receipt says what went and
what still has it.

Law: the store's word is checked: afterwards its files are searched for the visitor's uuids as they stand in them, and
so are the copies beside it. A copy is never changed: whoever made it decides about it.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from proxy.errors import StartError
from proxy.files import keys_of, open_writer
from proxy.store.base import Forget, Forgotten, StoreError, StoreUnavailable
from proxy.store.sqlite.connection import APPLICATION_ID
from proxy.tables import Config
from proxy.visitors.erased import Erased
from proxy.visitors.ids import parse_uuid, text_of

HEAD_BYTES = 100
MAGIC = b"SQLite format 3\0"
CHUNK_BYTES = 1 << 20


class Crawler(StartError):
    """It is no visitor; nothing was erased."""


class NotSearched(StartError):
    """The visitor is erased, but a file that may still have it could not be searched."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What went. `uuids`: the visitor's, and of whoever turned out to be the same; `ids`: by which repeats are known;
    `texts`: titles, addresses, names of elements that nobody else has used; `left_in`: files of the store that still
    have it; `copies`: other stores beside it, and whether they have it."""

    visitor: str
    was_known: bool
    was_erased: bool
    uuids: tuple[str, ...]
    events: dict[str, int]
    sessions: int
    ids: int
    texts: int
    log_emptied: bool
    left_in: tuple[str, ...]
    copies: dict[str, bool]

    @property
    def is_whole(self) -> bool:
        """Whether the visitor is erased, now or before, and no file of the store has it."""
        return (self.was_known or self.was_erased) and self.log_emptied and not self.left_in

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.was_known:
            others = f" and {len(self.uuids) - 1} uuids that were the same visitor" if len(self.uuids) > 1 else ""
            yield f"{self.visitor}{others}: erased"
            yield from (f"  {number:>7,} {action}" for action, number in self.events.items())
            yield f"  {self.sessions:>7,} sessions"
            yield f"  {self.ids:>7,} ids of events and confirmations"
            yield f"  {self.texts:>7,} texts that nobody else has used"
            yield "what still comes of it is not taken, and its cookie counts as none"
        else:
            yield f"{self.visitor}: {'was erased before' if self.was_erased else 'no such visitor; nothing was erased'}"
        if not self.log_emptied:
            yield "the write-ahead log could not be emptied, somebody reads for long: run it again"
        yield from (
            f"{file}: still has it in room that is not used; sqlite3 FILE VACUUM frees it" for file in self.left_in
        )
        for file, has_it in self.copies.items():
            yield f"{file}: a copy that {'STILL HAS this visitor' if has_it else 'does not have this visitor'}"


def forget(config: Config, visitor: str, now: int) -> Receipt:
    """Erase a visitor. `now`: UTC ms.

    Raises:
        StartError: there is no store, it cannot be written, or it is no visitor.
    """
    uuid = parse_uuid(visitor)
    if uuid is None:
        raise StartError(f"{visitor}: not a UUID")
    try:
        return erase(config, uuid, now, lambda: Erased(key.secret for key in keys_of(config)))
    except StoreError as error:
        raise StartError(str(error)) from error


def erase(config: Config, uuid: bytes, now: int, erased: Callable[[], Erased]) -> Receipt:
    """The same, of a uuid of 16 bytes. `erased` makes what knows of erased visitors, where there is a store.

    Raises:
        StoreError: it cannot be written; where it failed on the way, whoever writes to the store does the rest.
        Crawler, NotSearched: what they say.
        StartError: `erased` says so.
    """
    store = config.store_path
    if not store.exists():
        raise StoreUnavailable(f"{store}: no such file; nothing has been recorded there yet")
    with contextlib.closing(open_writer(config, erased())) as writer:
        (done,) = writer.append([Forget(uuid, now)])
    assert isinstance(done, Forgotten)
    if done.is_crawler:
        raise Crawler(f"{text_of(uuid)}: a crawler, not a visitor; nothing was erased")
    try:
        left = [file for file in _files_of(store) if _has(file, done.uuids)]
        copies = {str(file): any(_has(one, done.uuids) for one in _files_of(file)) for file in _copies(store)}
    except OSError as error:
        raise NotSearched(
            f"the visitor is erased, but {error.filename} could not be searched: {error.strerror}"
        ) from error
    return Receipt(
        text_of(uuid),
        done.is_known,
        done.was_erased,
        tuple(map(text_of, done.uuids)),
        dict(done.events),
        done.sessions,
        done.ids,
        done.texts,
        done.is_flushed,
        tuple(map(str, left)),
        copies,
    )


def _files_of(store: Path) -> Iterator[Path]:
    """A store and what may be beside it."""
    for end in ("", "-wal", "-journal"):
        file = store.with_name(f"{store.name}{end}")
        if file.exists():
            yield file


def _copies(store: Path) -> Iterable[Path]:
    """Other stores of ours in the store's folder: backups, drafts of backups, copies made by hand."""
    return [file for file in sorted(store.resolve().parent.iterdir()) if not file.samefile(store) and _is_ours(file)]


def _is_ours(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    return head.startswith(MAGIC) and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def _has(file: Path, uuids: Sequence[bytes]) -> bool:
    """Whether the bytes of a file name one of them."""
    longest, last = max(map(len, uuids)), b""
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            data = last + chunk
            if any(uuid in data for uuid in uuids):
                return True
            last = data[-longest:]
    return False
