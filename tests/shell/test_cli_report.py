"""The report from the command line: its process beside the site, its password, the summary in a terminal."""

import json
import os
import re
import shlex
import signal
import socket
import stat
import urllib.error
import urllib.request

import pytest
from test_cli import PATIENCE_SECONDS, footfall, needs_proc, one_line, recorded, running, until

from proxy.reportsite import NICER

ADDRESS = re.compile(r"what visitors do +(http://127\.0\.0\.1:(\d+)/)\?token=(\S+)")


def address_of(log):
    found = ADDRESS.search(log.read_text())
    assert found is not None, log.read_text()
    return found[1], int(found[2]), found[3]


def ask(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as wrong:
        return wrong.code, wrong.read()


def page(where, path):
    """One page of a person's browser, through footfall."""
    fields = {"Accept": "text/html", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{where}{path}", headers=fields), timeout=PATIENCE_SECONDS
    ) as got:
        assert got.status == 200


def test_the_demo_prints_the_way_into_its_report_and_a_visit_shows_up_there(tmp_path):
    with running(tmp_path, "demo", "--report", "127.0.0.1:0") as demo:
        base, _, token = address_of(demo.log)
        page(f"http://127.0.0.1:{demo.port}", "/about")
        assert ask(base)[0] == 401
        until(
            lambda: json.loads(ask(f"{base}overview.json?lane=unproven", token)[1])["totals"]["views"] == 1, "the visit"
        )
        assert stat.S_IMODE((tmp_path / "footfall.token").stat().st_mode) == 0o600
        assert (tmp_path / "footfall.token").read_text().strip() == token


def test_the_password_stays_the_same_and_can_be_asked_for(tmp_path):
    first, second = (footfall(tmp_path, "report", "--address") for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert re.fullmatch(r"http://127\.0\.0\.1:8081/\?token=[\w-]{32}\n", first.stdout)


def test_the_way_in_names_the_address_that_the_report_has(tmp_path):
    told = footfall(tmp_path, "report", "--address", "--report", "127.0.0.1:18081")
    assert told.stdout.startswith("http://127.0.0.1:18081/?token=")


@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_address_that_only_the_running_server_knows_is_not_made_up(tmp_path, how):
    words = ("--report", "127.0.0.1:0") if how == "option" else ()
    more = {"FOOTFALL_REPORT__LISTEN": "127.0.0.1:0"} if how == "environment" else {}
    done = footfall(tmp_path, "report", "--address", *words, **more)
    assert "only the running footfall knows the address" in one_line(done, 2) and done.stdout == ""


def test_serve_says_no_password_where_nobody_looks_at_the_screen(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as site:
        upstream = f"http://127.0.0.1:{site.getsockname()[1]}"
        with running(tmp_path, "serve", "--upstream", upstream, "--report", "127.0.0.1:0") as proxy:
            said = proxy.log.read_text()
            token = (tmp_path / "footfall.token").read_text().strip()
            assert token not in said
            # What it names instead can be typed, and leads to the report.
            [words] = re.findall(r"its way in +\S*footfall (report --address .*)", said)
            told = footfall(tmp_path, *shlex.split(words))
            address, _, given = told.stdout.strip().partition("?token=")
            assert given == token and not address.endswith(":0/")
            assert ask(f"{address}overview.json")[0] == 401 and ask(f"{address}overview.json", token)[0] == 200


def test_a_report_that_cannot_be_had_does_not_stop_the_site(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with running(tmp_path, "demo", "--report", where) as demo:
            assert f"there will be no report: cannot listen on {where}: Address already in use" in demo.log.read_text()
            assert demo.get("/")[0] == 200


def test_a_password_file_that_others_can_read_is_no_password(tmp_path):
    token = tmp_path / "footfall.token"
    token.write_text("a-password-that-everybody-knows\n")
    token.chmod(0o644)
    assert "others can read it; run: chmod 600" in one_line(footfall(tmp_path, "report", "--address"), 1)
    done = footfall(tmp_path, "check")
    assert done.returncode == 1 and "footfall.token: others can read it" in done.stderr
    token.chmod(0o600)
    token.write_text("short")
    assert "remove it to have a new one made" in one_line(footfall(tmp_path, "report", "--address"), 1)


@needs_proc
def test_the_report_gives_way_to_whoever_fronts_the_site(tmp_path):
    with running(tmp_path, "demo", "--report", "127.0.0.1:0") as demo:
        base, _, token = address_of(demo.log)
        until(lambda: demo.children("report-site"), "the report's process")
        assert ask(f"{base}overview.json", token)[0] == 200
        [report] = demo.children("report-site")
        assert os.getpriority(os.PRIO_PROCESS, report) == min(os.getpriority(os.PRIO_PROCESS, 0) + NICER, 19)


@needs_proc
def test_a_report_that_dies_is_started_again_and_the_site_does_not_notice(tmp_path):
    with running(tmp_path, "demo", "--report", "127.0.0.1:0") as demo:
        base, _, token = address_of(demo.log)
        until(lambda: demo.children("report-site"), "the report's process")
        [before] = demo.children("report-site")
        os.kill(before, signal.SIGKILL)
        assert demo.get("/about")[0] == 200
        until(lambda: demo.children("report-site") not in ([], [before]), "a new one")
        assert ask(f"{base}overview.json", token)[0] == 200


def test_the_summary_is_for_people_and_as_json_for_programs(tmp_path):
    with running(tmp_path, "demo") as demo:
        page(f"http://127.0.0.1:{demo.port}", "/about")
    done = footfall(tmp_path, "report", "--days", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80 and "\x1b" not in done.stdout
    told = footfall(tmp_path, "report", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout)


def test_its_other_pages_are_printed_as_well_alone_or_of_one_thing(tmp_path):
    with running(tmp_path, "demo") as demo:
        page(f"http://127.0.0.1:{demo.port}", "/about")
    done = footfall(tmp_path, "report", "paths")
    assert (done.returncode, done.stderr) == (0, "") and "Common whole paths" in done.stdout
    told = footfall(tmp_path, "report", "explore", "--of", "page.visit", "--json")
    model = json.loads(told.stdout)
    assert model["of"] == {"text": "page.visit", "defined": True} and (told.returncode, told.stderr) == (0, "")
    opens = footfall(tmp_path, "report", "explore", "--of", "page.visit", "--address").stdout
    assert opens.startswith("http://127.0.0.1:8081/explore?of=page.visit&token=")
    assert "'HOST/PATH NAME', not 'nothing'" in one_line(footfall(tmp_path, "report", "forms", "--of", "nothing"), 2)
    assert "is for paths, forms" in one_line(footfall(tmp_path, "report", "--of", "page.visit"), 2)


def test_a_summary_of_nothing_is_one_line(tmp_path):
    assert "nothing has been recorded there yet" in one_line(footfall(tmp_path, "report"), 1)
    recorded(tmp_path)
    done = footfall(tmp_path, "report")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "x"), ("--days", "401")])
def test_a_wrong_number_of_days_is_one_line(tmp_path, words):
    assert "1 to 400" in one_line(footfall(tmp_path, "report", *words), 2)
