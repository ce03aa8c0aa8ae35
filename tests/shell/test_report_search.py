"""Searching the report: by a visitor's uuid, by its beginning, and by what a site calls a customer."""

import json
import urllib.request
import uuid

import pytest
from reports import MINUTE, T, confirm, page, report, sends, visit
from test_cli import PATIENCE_SECONDS, running
from test_cli_report import address_of, ask

from proxy.apikeys import make_key
from proxy.report.asked import uuids_of
from proxy.visitors.customers import Customers, mark_keys

CUSTOMERS = Customers(mark_keys([b"k" * 32]))


def uuid_of(name: str) -> str:
    return str(uuid.UUID(bytes=name.encode().rjust(16, b"\0")))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A, B and C, of whom B and C are Ann's browsers; D turned out to be A."""
    store = tmp_path_factory.mktemp("search") / "store.db"
    with report(store, now=40 * MINUTE, marks_of=CUSTOMERS.marks) as running:
        for number, name in enumerate(("VA", "VB", "VC")):
            at = number * MINUTE
            running.write(visit(f"P{name}", name, at), confirm(f"C{name}", page(f"P{name}", at), name, at + 1))
        for name, at in (("VB", MINUTE), ("VC", 2 * MINUTE)):
            message = sends(page(f"P{name}", at), name, at=at + 2)
            running.write(message._replace(customer=CUSTOMERS.marks("ann@shop.example")))
        running.write(visit("PD", "VD", 9), confirm("CD", page("PD", 9), "VA", 100))
        yield running


def found(site, wanted):
    said = site.json(f"/search.json?q={wanted}")
    return [row["uuid"] for row in said["visitors"]]


def test_a_uuid_or_its_beginning_leads_to_the_visitor(site):
    for text in (uuid_of("VA"), uuid_of("VA").upper(), uuid_of("VA").replace("-", "")):
        answer = site.get(f"/search?q=+{text}+")
        assert (answer.status, answer.get(b"location")) == (303, f"/visitors/{uuid_of('VA')}".encode())
    assert found(site, "00000000-0000") == [uuid_of("VA"), uuid_of("VB"), uuid_of("VC")]
    assert found(site, uuid_of("VB")[:-1]) == [uuid_of("VA"), uuid_of("VB"), uuid_of("VC")]  # they end in 4, 41 to 43


def test_a_twins_uuid_leads_to_whom_it_turned_out_to_be(site):
    assert site.get(f"/search?q={uuid_of('VD')}").get(b"location") == f"/visitors/{uuid_of('VA')}".encode()


def test_a_customer_is_found_on_every_browser_the_latest_first(site):
    soup = site.page("/search?q=ann%40shop.example")
    assert [link["href"].rpartition("/")[2] for link in soup.select("a.uuid")] == [uuid_of("VC"), uuid_of("VB")]
    said = site.json("/search.json?q=ann%40shop.example")
    assert said["how"] == "customer" and [row["first"] for row in said["visitors"]] == [T + 2 * MINUTE, T + MINUTE]
    assert [row["uuid"] for row in site.sheet("/search.csv?q=ann%40shop.example")] == [uuid_of("VC"), uuid_of("VB")]


@pytest.mark.parametrize("wanted", ["ann", "000", "%3Cscript%3E", "zz", "-", "a" * 300, "0" * 33, "00000001", ""])
def test_who_is_not_there_is_not_found_and_the_page_says_what_to_type(site, wanted):
    soup = site.page(f"/search?q={wanted}")
    assert soup.h1.text == "Nobody" and soup.select_one(".empty") is not None
    assert len(soup("script")) == 1


def test_more_than_can_be_listed_are_a_reason_to_type_more(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*(visit(f"P{n}", f"{n:02}", n) for n in range(25)))
        said = site.json("/search.json?q=0000")
        assert (len(said["visitors"]), said["more"], said["how"]) == (20, True, "uuid")
        assert "type more" in site.page("/search?q=0000").text


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("abcd", "abcd" + "0" * 28, "abcd" + "f" * 28),
        ("ABCDE", "abcde" + "0" * 27, "abcde" + "f" * 27),
        ("abc", None, None),
        ("abcdefgh", None, None),
        ("-abcd", None, None),
        ("abcd-", "abcd" + "0" * 28, "abcd" + "f" * 28),
        ("0" * 33, None, None),
        ("٠١٢٣", None, None),
    ],
)
def test_a_beginning_is_all_uuids_that_begin_so(text, first, last):
    assert uuids_of(text) == (None if first is None else (bytes.fromhex(first), bytes.fromhex(last)))


def test_the_running_report_knows_customers_by_the_keys_of_its_parent(tmp_path):
    """A server of the site names a customer; the report finds it by its key, and has no key to sign with."""
    key, line = make_key("shop")
    (tmp_path / "config.toml").write_text(f"[api]\nserver_keys = [{json.dumps(line)}]\n")
    with running(tmp_path, "demo", "--report", "127.0.0.1:0") as demo:
        base, _, token = address_of(demo.log)
        told = {"id": str(uuid.uuid4()), "action": "screen.view", "params": {"name": "Home"}}
        body = {
            "client": {"customer": "ann@shop.example"},
            "events": [told],
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{demo.port}/_footfall/api/v1/events",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            assert json.loads(answer.read())["accepted"] == 1
        for who, number in (("ann@shop.example", 1), ("bob@shop.example", 0)):
            status, said = ask(f"{base}search.json?q={who}", token)
            assert status == 200 and len(json.loads(said)["visitors"]) == number
