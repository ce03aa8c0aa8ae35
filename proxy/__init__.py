"""footfall: a reverse proxy that records who visits a site.

`from proxy import Footfall` puts the same tracking around an ASGI application in process.
"""

from proxy.app import Footfall

__all__ = ["Footfall"]
