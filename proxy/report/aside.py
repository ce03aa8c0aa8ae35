"""Asking the store two questions at once: a page's own thread asks on while another one waits for what takes long.

Law: both are about one moment of the store (`ReportReader.moment`), and the page has every answer before it ends.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from proxy.store.questions import ReportReader

Answer = TypeVar("Answer")


class Aside:
    """Asks `other` in a thread of its own, one question after the other; where that is `reader` itself, all are asked
    when their answers are wanted."""

    def __init__(self, reader: ReportReader, other: ReportReader) -> None:
        self._reader, self._other = reader, other
        self._thread = None if other is reader else ThreadPoolExecutor(1, "aside")

    def start(self, question: Callable[[ReportReader], Answer]) -> Callable[[], Answer]:
        """Returns what waits for the answer, and raises what the question has raised. What the thread has not come to
        by then is not waited for, but asked."""
        if self._thread is None:
            return partial(question, self._reader)
        begun = self._thread.submit(question, self._other)
        return lambda: question(self._reader) if begun.cancel() else begun.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
