"""Lanes, and what a User-Agent tells (VISITS.md section 5; section 1, row 13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.event import LANES
from proxy.report import asked
from proxy.visitors.lanes import (
    AGENT_CACHE_ENTRIES,
    AGENT_MAX_CHARS,
    IDENTIFIED,
    PROOF_COOKIE,
    PROOF_SCRIPT,
    RETURNED,
    VOUCHED,
    Agent,
    Agents,
    is_cookieless,
    judge,
    lane_of,
)

DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari"
TABLET = (
    "Mozilla/5.0 (Linux; Android 14; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)

LANE = [
    (True, False, False, "bot"),
    (True, True, True, "bot"),
    (False, False, False, "unproven"),
    (False, True, False, "person"),
    (False, False, True, "person"),
    (False, True, True, "person"),
]


@pytest.mark.parametrize(("bot", "cookie", "confirmed", "lane"), LANE)
def test_a_visit_is_in_exactly_one_lane(bot, cookie, confirmed, lane):
    assert LANES[lane_of(bot=bot, cookie_came_back=cookie, confirmed=confirmed)] == lane


def test_a_report_shows_people_unless_it_is_asked_for_another_lane():
    assert [LANES[asked.lane_of(query)] for query in ({}, {"lane": ""}, {"lane": "everybody"})] == ["person"] * 3
    assert [LANES[asked.lane_of({"lane": lane})] for lane in LANES] == list(LANES)


@pytest.mark.parametrize(
    ("proof", "cookieless"),
    [
        (0, False),
        (PROOF_SCRIPT, True),
        (PROOF_SCRIPT | IDENTIFIED, True),
        (PROOF_SCRIPT | VOUCHED, False),
        (PROOF_SCRIPT | PROOF_COOKIE, False),
        (PROOF_COOKIE | RETURNED, False),
        (IDENTIFIED, False),
    ],
)
def test_a_browser_keeps_no_cookie_where_its_script_was_at_work_and_the_cookie_never_came(proof, cookieless):
    assert is_cookieless(proof) is cookieless


AGENTS = [
    (DESKTOP, Agent(False, "WEB_DESKTOP")),
    (PHONE, Agent(False, "WEB_MOBILE")),
    (TABLET, Agent(False, "WEB_MOBILE")),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Agent(True, "WEB_DESKTOP")),
    ("GPTBot/1.2", Agent(True, "WEB_DESKTOP")),
    (f"{PHONE} footfall-demo/1", Agent(False, "SIMULATED")),
    ("", Agent(True, "WEB_DESKTOP")),
    ("  \t", Agent(True, "WEB_DESKTOP")),
]


@pytest.mark.parametrize(("text", "agent"), AGENTS)
def test_what_a_user_agent_tells(text, agent):
    assert judge(text) == agent
    assert Agents().read(text.encode()) == agent


@given(st.binary(max_size=700))
def test_any_bytes_are_judged_as_their_first_characters_are(value):
    agents = Agents()
    assert agents.read(value) == agents.read(value) == judge(value.decode("latin-1")[:AGENT_MAX_CHARS])


def test_more_agents_than_are_remembered_are_judged_all_the_same():
    agents = Agents()
    for number in range(AGENT_CACHE_ENTRIES + 10):
        assert not agents._known or len(agents._known) <= AGENT_CACHE_ENTRIES
        agents._known[b"%d" % number] = Agent(False, "WEB_DESKTOP")
        if len(agents._known) >= AGENT_CACHE_ENTRIES:
            break
    assert agents.read(DESKTOP.encode()) == Agent(False, "WEB_DESKTOP")
    assert len(agents._known) == 1


def test_a_long_user_agent_is_remembered_in_short():
    agents = Agents()
    assert agents.read(DESKTOP.encode() + b"x" * 60_000) == Agent(False, "WEB_DESKTOP")
    assert [len(known) for known in agents._known] == [AGENT_MAX_CHARS]
