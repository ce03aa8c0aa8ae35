"""For all tests: examples of the property tests, and what a shell may have changed for whoever it starts."""

import signal

from hypothesis import settings

# A machine that does something else for a moment is no failure; and a run that fails says something of the change, not
# of the dice: new examples are `make fuzz`'s to find.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("same")


def pytest_configure() -> None:
    """A job in the background of a script is started with SIGINT ignored, and would hand that on to what it starts:
    the tests that stop a process with Ctrl-C would wait for ever."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
