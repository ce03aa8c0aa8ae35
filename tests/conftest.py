"""For all tests: what a shell may have changed for whoever it starts in the background."""

import signal

from hypothesis import settings


def pytest_configure() -> None:
    """A job in the background of a script is started with SIGINT ignored, and would hand that on to what it starts:
    the tests that stop a process with Ctrl-C would wait for ever."""
    # A machine that does something else for a moment is no failure.
    settings.register_profile("footfall", deadline=None)
    settings.load_profile("footfall")
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
