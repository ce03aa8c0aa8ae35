"""Visitors that were erased, known by a keyed hash only, which tells nobody who it was.

Law: nothing here is a uuid. A mark is the HMAC-SHA256 of 16 bytes under a secret of ours; marks that were made under a
retired key are recognised for as long as its cookies are.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Self

MARK_BYTES = 16


def erasure_keys(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """What marks are made with, by the secrets of the signing keys, the current one first. Whoever has them can tell
    whether somebody was erased, and sign nothing."""
    return tuple(hashlib.sha256(b"footfall erased\0" + secret).digest() for secret in secrets)


class Erased:
    """The marks that the store holds, as far as this process has heard of them. One thread writes, others read.

    Args:
        secrets: of the signing keys, the current one first.
    """

    __slots__ = ("_keys", "_marks", "version")

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._keys = erasure_keys(secrets)
        self._marks: frozenset[bytes] = frozenset()
        self.version = 0

    @classmethod
    def by(cls, keys: Iterable[bytes]) -> Self:
        """The same with the keys that `erasure_keys` has made."""
        made = cls(())
        made._keys = tuple(keys)
        return made

    def __repr__(self) -> str:
        return f"<Erased {len(self._marks)}>"

    @property
    def known(self) -> frozenset[bytes]:
        """All marks that were put last."""
        return self._marks

    def marks(self, value: bytes) -> list[bytes]:
        """The marks of a uuid or an id, that under the current key first."""
        return [hmac.digest(key, value, "sha256")[:MARK_BYTES] for key in self._keys]

    def has(self, uuid: bytes) -> bool:
        """Whether a visitor was erased."""
        return bool(self._marks) and not self._marks.isdisjoint(self.marks(uuid))

    def put(self, marks: Iterable[bytes]) -> None:
        """What the store holds now."""
        self._marks = frozenset(marks)
        self.version += 1
