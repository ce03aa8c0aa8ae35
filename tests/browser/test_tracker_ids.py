"""Ids that the tracker makes: all different, and those of one time side by side, by the server's clock."""

import uuid
from base64 import urlsafe_b64decode

import pytest
from collecting import page_id
from test_tracker_forms import form

from proxy.visitors.ids import event_id

BUTTON = "<button>Buy</button>"
VISITS = {
    "now": b"",
    "bytes that base64 writes - and _": event_id(0xFBEF_BEFF_FFFE, b"\xff" * 10),
    "small ones": event_id(0x0001_0009_000A, bytes(10)),
}
UNREADABLE = {"short": "AZ", "other signs": "%" * 23 + "B" + "%" * 19, "no more base64": "A" * 41}


def told(stage) -> list[uuid.UUID]:
    """Every id of ours once: of confirmations and events."""
    ids = [confirm["id"] for confirm in stage.confirmations] + [event["id"] for event in stage.events]
    assert all(event["view"] in ids for event in stage.events)
    return [uuid.UUID(hex=str(one)) for one in ids]


def much(stage, page) -> None:
    """Several showings, with events of every kind."""
    page.click("button")
    page.evaluate("for (let n = 0; n < 90; n++) footfall.event('test.calm')")
    page.clock.run_for(2_000)
    page.fill("input", "Ada")
    page.evaluate("document.querySelector('form').requestSubmit()")
    page.evaluate("footfall.visit()")
    page.clock.run_for(2_000)
    stage.leave(page)


@pytest.mark.parametrize("visit", VISITS.values(), ids=VISITS)
def test_ids_begin_with_the_servers_time_of_the_page_and_are_all_different(stage, visit):
    shown = page_id(visit=visit)
    page = stage.open(BUTTON + form('<input data-track-field="f">'), id=shown)
    much(stage, page)
    ids = told(stage)
    assert len(set(ids)) == len(ids) > 95
    assert {one.version for one in ids} == {7} and {one.variant for one in ids} == {uuid.RFC_4122}
    assert {one.bytes[:6] for one in ids} == {page_bytes(shown)[:6]}
    assert page_bytes(shown) not in {one.bytes for one in ids}
    assert len({one.bytes[-7:] for one in ids}) == len(ids)
    assert stage.complaints == []


@pytest.mark.parametrize("shown", UNREADABLE.values(), ids=UNREADABLE)
def test_where_the_page_id_cannot_be_read_they_are_uuids_and_different_all_the_same(stage, shown):
    page = stage.open(BUTTON + form('<input data-track-field="f">'), id=shown)
    much(stage, page)
    ids = told(stage)
    assert len(set(ids)) == len(ids) > 95
    assert {one.version for one in ids} == {4} and {one.variant for one in ids} == {uuid.RFC_4122}
    assert stage.complaints == []


def test_two_showings_of_one_copy_share_no_id(stage):
    """As from the browser's cache: the tag carries the same page id."""
    shown = page_id()
    url = stage.collector.page("/one", BUTTON, id=shown)
    person = stage.person()
    for _ in range(2):
        tab = person.new_page()
        stage.show(tab, url)
        tab.click("button")
        stage.leave(tab)
    ids = told(stage)
    assert len(set(ids)) == len(ids) == 6


def page_bytes(shown: str) -> bytes:
    """The id of the visit that a page id carries."""
    return urlsafe_b64decode(shown + "=")[1:17]
