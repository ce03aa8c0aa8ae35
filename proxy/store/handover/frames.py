"""What crosses between a worker and the writing process: values of ours, each behind its length, on a stream socket.

Law: both ends are processes of one footfall, and the socket is nobody else's: that is why pickle may be read from it.
"""

import copyreg
import pickle
import struct
from typing import Any

from proxy.store.base import VISIT_VALUES, Visit

LENGTH = struct.Struct(">I")
READ_BYTES = 64 * 1024
"""Read at once."""
# A third of what a dataclass with slots takes by itself.
copyreg.pickle(Visit, lambda visit: (Visit, VISIT_VALUES(visit)))


def framed(value: object) -> bytes:
    """A value as it crosses: a visit is some 110 bytes, and takes half a microsecond at each end."""
    told = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(told)) + told


class Frames:
    """What has come of a stream. No more is kept than its sender waits for an answer to: batches or their results."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __repr__(self) -> str:
        return f"<Frames {len(self._bytes)} bytes>"

    def put(self, data: bytes) -> None:
        self._bytes += data

    def take(self) -> Any:
        """The next value, which is never None; None where it is not whole yet."""
        if len(self._bytes) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._bytes)
        end = LENGTH.size + length
        if len(self._bytes) < end:
            return None
        with memoryview(self._bytes) as whole, whole[LENGTH.size : end] as told:
            value = pickle.loads(told)
        del self._bytes[:end]
        return value
