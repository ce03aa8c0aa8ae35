"""How many examples of a property a run takes."""

from hypothesis import settings


def some(number: int, share: int = 2) -> int:
    """A part of them in `make test`, which takes the same ones every time and would see nothing more in the rest; all
    of them, and new ones, in `make fuzz`."""
    return number if settings.get_current_profile_name() == "random" else max(10, number // share)
