"""Signals for as long as a server runs: taken over, and given back as they were."""

import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from types import FrameType
from typing import Any


@contextlib.contextmanager
def handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], Any]) -> Generator[None, None, None]:
    """`handler` has these signals inside. In another thread than the main one nothing is changed. uvicorn's own way
    raises them again at the end, which would kill the process before it can return a code."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
