"""A store that refuses everything, as the log hears of it: once when it begins, once when it is over.

Law: what comes and goes, as on a disk with next to no room, is said again only after a while, or when it lasts.
"""

import logging
import time

from proxy.store.base import StoreUnusable

log = logging.getLogger("footfall.recorder")

QUIET_SECONDS = 30.0
"""A failure that comes back within this time of the last one said is not said again,"""
LASTING_SECONDS = 5.0
"""unless it lasts this long."""
RETRY_FIRST_SECONDS = 0.1
RETRY_MOST_SECONDS = 2.0
FAILING_STOP_SECONDS = 2.0
"""Patience on stopping while the store refuses everything."""


class Failing:
    """Whether batches are refused (its truth), and since when."""

    def __init__(self) -> None:
        self._fails = False
        self._since = 0.0
        self._said = False
        self._last_said = -QUIET_SECONDS
        self._pause = RETRY_FIRST_SECONDS

    def __repr__(self) -> str:
        return f"<Failing {self._fails}>"

    def __bool__(self) -> bool:
        return self._fails

    def patience(self, seconds: float) -> float:
        """How long to wait, of so many seconds, for what is still to be written."""
        return min(seconds, FAILING_STOP_SECONDS) if self._fails else seconds

    def refused(self, error: Exception) -> float:
        """A batch was refused; returns the seconds to wait before it is tried again, longer each time."""
        now = time.monotonic()
        if not self._fails:
            self._fails, self._since, self._said, self._pause = True, now, False, RETRY_FIRST_SECONDS
        lasting = now - self._since >= LASTING_SECONDS
        if not self._said and (lasting or now - self._last_said >= QUIET_SECONDS):
            self._said, self._last_said = True, now
            hopeless = " (this will not pass by itself)" if isinstance(error, StoreUnusable) else ""
            log.error("the store does not take events, they wait in memory%s: %s", hopeless, error)
        pause, self._pause = self._pause, min(self._pause * 2, RETRY_MOST_SECONDS)
        return pause

    def taken(self) -> None:
        """A batch was taken."""
        if self._fails:
            self._fails = False
            if self._said:
                log.warning("the store takes events again: recording resumed")
