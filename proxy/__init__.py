"""footfall: a reverse proxy that records who visits a site.

`from proxy import Footfall` puts the same tracking around an ASGI application in process.
"""

from typing import TYPE_CHECKING

from proxy.loading import footfall

if TYPE_CHECKING:
    from proxy.app import Footfall

__all__ = ["Footfall"]


def __getattr__(name: str) -> object:
    """What the commands that serve nobody do without (PEP 562)."""
    if name == "Footfall":
        return footfall()
    raise AttributeError(f"module 'proxy' has no attribute {name!r}")
