"""The site that every proxy of the field stands before, on nginx: pages, a form, and WebSockets that say nothing.

Law: the same files at every run. What the site does is no proxy's time: it runs in processes of its own.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.process import StartError, ended
from benchmarks.servers import Server, nginx

GZIPPED = "/gzipped"
"""Below it are the same files, compressed by nginx for every answer, as an application does it: in chunks."""
FORM, SOCKET = "/form", "/socket"
SITE = """
    types {{ text/html html; image/png bin; }}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location = /_footfall/events {{ return 204; }}
        location = /form {{ return 200 "thank you"; }}
        location /gzipped/ {{ alias {root}/; gzip on; gzip_comp_level 1; gzip_proxied any; }}
        location = /socket {{
            proxy_pass http://127.0.0.1:{sockets};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h;
        }}
    }}
"""


@contextlib.contextmanager
def site(program: str, where: Path, root: Path) -> Iterator[Server]:
    """The site with the files in `root`. Raises StartError."""
    with (
        sockets() as behind,
        nginx(program, where, "origin", SITE, root=root, sockets=behind) as server,
    ):
        yield server


@contextlib.contextmanager
def sockets() -> Iterator[int]:
    """The port of a WebSocket server (benchmarks/field/quiet.py). Raises StartError."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.field.quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with ended(process):
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        if not said.isdecimal():
            raise StartError("the WebSocket server did not start")
        yield int(said)
