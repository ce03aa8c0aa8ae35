"""Behind nginx and Caddy as docs/deploy.md configures them: TLS ends there, and everything is as if it ended with us.

The configurations are read from that page; only ports, the upstream's address and the certificate are put in.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_reach import BROWSER, LARGE, ask, certificate, port_of, serving, site, trusting
from whole import NGINX, answers, ended, free_port, nginx, outcomes, stored
from wire import ROOT, eventually

__all__ = ["certificate"]
CADDY = shutil.which("caddy")
CADDY_TIMES = 6
"""Right before a site, too, it closes its own connection in the middle of 1 in 18 answers to an upload of 3 MB, where
four of them share two cores ("use of closed network connection")."""
DEPLOY = (ROOT / "docs" / "deploy.md").read_text("utf-8")
Running = contextlib.AbstractContextManager[int]


def documented(heading: str) -> str:
    """The first block below a heading of docs/deploy.md."""
    found = re.search(rf"^## {heading}\n.*?```\w*\n(.*?)```", DEPLOY, re.S | re.M)
    assert found is not None
    return found[1]


@contextlib.contextmanager
def started(command: list[str], port: int, where: Path) -> Iterator[int]:
    environ = {**os.environ, "HOME": str(where), "XDG_DATA_HOME": str(where), "XDG_CONFIG_HOME": str(where)}
    with (where / "said.txt").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, text=True, cwd=where, env=environ)
    try:
        assert eventually(lambda: answers(port)), (where / "said.txt").read_text()
        yield port
    finally:
        ended(process)


@contextlib.contextmanager
def nginx_before(where: Path, footfall: int, certificate: Path) -> Iterator[int]:
    port = free_port()
    server = documented("Behind nginx").replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    server = server.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{footfall}")
    files = f"ssl_certificate {certificate}/cert.pem; ssl_certificate_key {certificate}/key.pem;"
    with nginx(where, http=server.replace("# ssl_certificate ...", files), server="return 404;"):
        assert eventually(lambda: answers(port))
        yield port


def caddy_before(where: Path, footfall: int, certificate: Path) -> Running:
    where.mkdir()
    port = free_port()
    text = documented("Behind Caddy").replace("shop.example {", f"https://localhost:{port} {{\n    bind 127.0.0.1", 1)
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{footfall}")
    text = text.replace("    reverse_proxy", f"    tls {certificate}/cert.pem {certificate}/key.pem\n    reverse_proxy")
    (where / "Caddyfile").write_text("{\n    admin off\n    auto_https disable_redirects\n}\n" + text)
    return started([str(CADDY), "run", "--config", "Caddyfile", "--adapter", "caddyfile"], port, where)


TERMINATORS = [
    pytest.param(nginx_before, id="nginx", marks=pytest.mark.skipif(NGINX is None, reason="nginx is not installed")),
    pytest.param(caddy_before, id="caddy", marks=pytest.mark.skipif(CADDY is None, reason="caddy is not installed")),
]
FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=203.0.113.9;proto=http",
}


def uploaded(connection: http.client.HTTPSConnection, cookie: str, times: int) -> bytes:
    """What comes back of an upload, tried so many times at most."""
    for _ in range(times - 1):
        with contextlib.suppress(http.client.IncompleteRead):
            return bytes(ask(connection, "/up", b"y" * LARGE, Cookie=cookie)[1])
        connection.close()
    return bytes(ask(connection, "/up", b"y" * LARGE, Cookie=cookie)[1])


@pytest.mark.parametrize("before", TERMINATORS)
def test_x3_behind_a_terminator_scheme_cookie_and_address_are_the_visitors(
    tmp_path: Path, certificate: Path, before: Callable[[Path, int, Path], Running]
) -> None:
    trust = {"site__trusted_proxies": "127.0.0.1"}
    with (
        site() as upstream,
        serving(tmp_path, upstream, **trust) as url,
        before(tmp_path / "terminator", port_of(url), certificate) as port,
    ):
        context: ssl.SSLContext = trusting(certificate)
        connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
        answer, body = ask(connection, "/a?b=1", Host=f"localhost:{port}", **FORGED)
        assert b"data-page=" in body
        cookie = answer.getheader("Set-Cookie", "")
        assert cookie.startswith("__Host-footfall=") and "; Secure" in cookie
        told = answer.getheader("X-Told", "")
        assert told.startswith("https ") and "203.0.113.9" not in told and "127.0.0.1" in told
        mine = cookie.partition(";")[0]
        page = re.search(rb'data-page="([\w-]{43})"', body)
        assert page is not None
        origin = f"https://localhost{'' if before is nginx_before else f':{port}'}"
        confirm = {"id": "0" * 31 + "1", "uri": f"{origin}/a?b=1", "title": "Site", "referrer": "", "nav": "navigate"}
        beacon = json.dumps({"v": 1, "page": page[1].decode(), "confirm": confirm, "events": []})
        fetched = {
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Origin": origin,
        }
        text = {"Cookie": mine, "Content-Type": "text/plain;charset=UTF-8"}
        connection.request("POST", "/_footfall/events", beacon, {**BROWSER, **fetched, **text})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (
            202,
            b'{"accepted":0,"duplicates":0,"rejected":[],"warnings":[]}',
        )
        assert len(ask(connection, "/large", Cookie=mine)[1]) == LARGE
        assert uploaded(connection, mine, 1 if before is nginx_before else CADDY_TIMES) == b"y" * LARGE
        connection.close()
    [visit] = stored(tmp_path / "footfall.db", "page.visit")
    assert visit["params"]["uri"] == f"{origin}/a?b=1" and visit["lane"] == "person"  # type: ignore[index]
    assert outcomes(tmp_path / "footfall.db")["visit"] == 1
