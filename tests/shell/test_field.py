"""The field of `make bench` with real servers: each that is installed gives the page. Figures are not looked at."""

import http.client
import shutil
from contextlib import closing

import pytest
from test_benchmarks import bench, cells, needs_programs
from whole import NGINX

from benchmarks.command import GOOD, USAGE, Programs
from benchmarks.field.halfway import steady
from benchmarks.field.idling import idle
from benchmarks.field.measuring import STRANGERS, look_at
from benchmarks.field.origin import FORM, GZIPPED, site
from benchmarks.field.peers import PEERS, missing
from benchmarks.field.traffic import posted
from benchmarks.load import LoadError, Request, asked
from benchmarks.process import free_port
from benchmarks.servers import MEDIUM, SMALL, origin, write_site

QUICK = ("--quick", "--rounds", "1", "--requests", "32")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("field")


@pytest.fixture(scope="module")
def behind(place):
    if NGINX is None:
        pytest.skip("nginx is not installed")
    write_site(place / "site")
    with site(NGINX, place / "origin", place / "site") as server:
        yield server


@pytest.mark.parametrize("peer", PEERS, ids=[peer.key for peer in PEERS])
def test_each_gives_the_page_takes_a_form_and_passes_websockets_on(peer, behind, place):
    if missing(peer):
        pytest.skip(f"{missing(peer)} is not installed (scripts/setup-peers)")
    with peer.start(Programs(NGINX, ""), place / peer.key, behind) as server:
        look_at(server, place / "site", peer)
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
            answer, body = asked(connection, Request(GZIPPED + MEDIUM, (("accept-encoding", "gzip"),)))
            assert answer.status == 200
            assert (answer.getheader("content-encoding") == "gzip") == (len(body) < 20_000)
            connection.request("POST", FORM, posted())
            assert connection.getresponse().read() == b"thank you"
        if peer.takes_sockets:
            found = idle(server, 3, 0.1)
            assert found.cpu_us >= 0


def test_who_gives_another_page_is_not_measured(behind, place):
    nginx = next(peer for peer in PEERS if peer.key == "nginx")
    tagging = next(peer for peer in PEERS if peer.key == "nginx-filter")
    with pytest.raises(LoadError, match="does not give the site's page with one script more"):
        look_at(behind, place / "site", tagging)
    look_at(behind, place / "site", nginx)


def test_the_steady_sender_asks_so_many_times_and_says_where_nobody_answers(behind):
    found = steady(behind.port, STRANGERS.of_round(0), 100.0, 0.5)
    assert found.requests == 50
    assert 0 < found.times[0] <= found.times[1]
    with pytest.raises(LoadError, match=f"{SMALL}: "):
        steady(free_port(), STRANGERS.of_round(0), 100.0, 0.5)


def test_a_websocket_that_does_not_open_is_an_error(behind, place):
    with origin(NGINX, place / "no-sockets", place / "site") as server, pytest.raises(LoadError, match=" 404 "):
        idle(server, 1, 0.1)


@needs_programs
def test_a_part_of_the_tables_has_the_rows_and_proxies_that_were_chosen(tmp_path):
    ran = bench(*QUICK, "--only", "footfall", "--row", "304,bot,collector", TMPDIR=str(tmp_path))
    assert ran.returncode == GOOD, ran.stderr
    tables = [part.splitlines() for part in ran.stdout.split("\n\n") if part.startswith("|")]
    assert len(tables) == 5  # CPU, ratios, requests a second, times, memory
    assert cells(tables[0][0]) == ["through", "304", "a bot", "ten events"]
    assert [cells(line)[0] for line in tables[0][2:]] == [
        *("nginx, sub_filter", "nginx, sub_filter and gzip"),
        *("footfall, tracking off", "footfall", "footfall, 2 workers"),
    ]
    assert "Header fields of a request, Host included: 16 for 304, ten events; 5 for a bot." in ran.stdout
    assert not list(tmp_path.iterdir())


@needs_programs
def test_who_is_not_installed_is_named_and_left_out(tmp_path):
    for name in ("h2load", "nginx"):
        (tmp_path / name).symlink_to(shutil.which(name) or NGINX)
    ran = bench(*QUICK, "--only", "caddy", "--row", "bot", PATH=str(tmp_path))
    assert ran.returncode == GOOD, ran.stderr
    assert "bench: without Caddy: caddy is not installed" in ran.stderr
    assert "Left out: Caddy: caddy is not installed." in ran.stdout


@pytest.mark.parametrize(
    "words", [("--only", "apache"), ("--row", "8k"), ("--only", "caddy", "--write"), ("--row", "7k", "--no-peers")]
)
@needs_programs
def test_what_cannot_be_chosen_is_wrong_usage(words):
    ran = bench(*words)
    assert ran.returncode == USAGE
    assert len(ran.stderr.splitlines()) == 1 and ran.stdout == ""
