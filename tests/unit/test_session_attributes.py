"""What a session.start says of the one who came: source, language, campaign, trigger (EVENTS.md section 4, 6)."""

from dataclasses import replace

import pytest
from stories import HOST, MINUTE, SECOND, check_promises, confirm, does, page, sends, visit

from proxy.events.catalogue import Sender
from proxy.events.incoming import read_app_event
from proxy.events.shipped import SHIPPED
from proxy.events.wire import parse_beacon
from proxy.intake.visits import LANGUAGE_MAX_CHARS, Cleaner
from proxy.store.base import Query
from proxy.visitors.lanes import Agents

PHONE = b"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile Safari/537.36"
DESK = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CAMPAIGN = "?utm_source=news&utm_medium=mail&utm_campaign=spring&utm_term=%20&utm_content=a%2Bb&utm_id=7"
UTM = {"utm_source": "news", "utm_medium": "mail", "utm_campaign": "spring", "utm_content": "a+b"}


def facts_of(agent: bytes, *fields: tuple[bytes, bytes]) -> dict[str, object]:
    return dict(Cleaner().session_facts(dict(fields), Agents().read(agent), ()))


@pytest.mark.parametrize(
    ("agent", "hint", "source"),
    [
        (DESK, None, "WEB_DESKTOP"),
        (PHONE, None, "WEB_MOBILE"),
        (DESK, b"?1", "WEB_MOBILE"),
        (PHONE, b"?0", "WEB_DESKTOP"),
        (PHONE, b"rubbish", "WEB_DESKTOP"),
    ],
)
def test_the_source_is_what_the_browser_says_it_is(agent, hint, source):
    fields = () if hint is None else ((b"sec-ch-ua-mobile", hint),)
    assert facts_of(agent, *fields) == {"source": source, "trigger": "page.visit"}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (b"pl-PL,pl;q=0.9,en;q=0.8", "pl-PL"),
        (b"  de ", "de"),
        (b"zh-Hant-TW", "zh-Hant-TW"),
        (b"en;q=0.5", "en"),
        (b"*", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"<script>", None),
        (b"en" + b"-abcdefgh" * 50, ("en" + "-abcdefgh" * 50)[:LANGUAGE_MAX_CHARS]),
    ],
)
def test_the_language_is_the_first_that_is_accepted(accepted, language):
    assert facts_of(DESK, (b"accept-language", accepted)).get("language") == language


def starts(engine) -> list[dict[str, object]]:
    return [dict(event.params) for event in engine.events(Query(action="session.start"))]


def shown(name: str, of, cookie: str | None, at: int = 0, **more: object):
    """A confirmation as the collector makes it of a page whose address names a campaign."""
    body = b'{"v": 1, "confirm": {"id": "%b", "uri": "https://%b/%b"}}' % (
        b"0" * 32,
        HOST.encode(),
        CAMPAIGN.encode(),
    )
    showing = parse_beacon(body).showing
    assert showing is not None and dict(showing.utm) == UTM
    return confirm(name, of, cookie, at, query=CAMPAIGN, **more)._replace(utm=showing.utm)


@pytest.mark.parametrize(
    ("of", "nav"),
    [
        (page("P1"), "navigate"),  # healed: lost in a crash, "stored as if the server had done it"
        (page("P1", new=False, counted=False), "prerender"),
        (page("P1", -90 * MINUTE), "cache"),
    ],
)
def test_a_page_that_only_a_browser_tells_of_names_its_campaign(engine, of, nav):
    engine.append(shown("C1", of, "A"))
    (seen,) = engine.events(Query(action="page.visit"))
    (start,) = starts(engine)
    assert seen.params["nav"] == nav
    assert UTM.items() <= dict(seen.params).items() and UTM.items() <= start.items()
    assert (start["trigger"], start["source"]) == ("page.visit", "WEB_DESKTOP")
    check_promises(engine)


def test_a_page_that_comes_back_from_the_cache_opens_its_session_with_its_campaign(engine):
    facts = tuple(UTM.items())
    seen = visit("P1", "A", query=CAMPAIGN, facts=facts)
    seen = replace(seen, session_facts=(*facts, *seen.session_facts))
    engine.append(seen, shown("C1", page("P1"), "A", SECOND))
    engine.append(shown("C2", page("P1"), "A", 40 * MINUTE, nav="bfcache"))
    assert [UTM.items() <= start.items() for start in starts(engine)] == [True, True]
    check_promises(engine)


def test_a_page_that_a_script_reports_opens_its_session_with_its_campaign(engine):
    uri = f"https://{HOST}/app{CAMPAIGN}"
    engine.append(visit("P1", "A"), sends(page("P1"), "A", does("page.visit", "V1", uri=uri), at=40 * MINUTE))
    assert [UTM.items() <= start.items() for start in starts(engine)] == [False, True]
    check_promises(engine)


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("banner.hover", {"name": "Sale", "dwell_ms": 500}),
        ("link.click", {"name": "Buy"}),
        ("form.start", {"form": "f"}),
        ("form.submit", {"form": "f", "fields": {}}),
    ],
)
def test_the_trigger_is_what_opened_it(engine, action, params):
    engine.append(visit("P1", "A"), sends(page("P1"), "A", does(action, "E1", **params), at=40 * MINUTE))
    first, second = starts(engine)
    assert (first["trigger"], second["trigger"]) == ("page.visit", action)
    assert second["uri"] == f"https://{HOST}/" and second["source"] == "WEB_DESKTOP"


def test_neither_midnight_nor_another_campaign_cuts_a_session(engine):
    """T is 22:14 UTC."""
    for number in range(10):
        facts = (("utm_source", f"news{number}"),)
        seen = visit(f"P{number}", "A", number * 25 * MINUTE, query=f"?utm_source=news{number}", facts=facts)
        engine.append(replace(seen, session_facts=(*facts, *seen.session_facts)))
    (start,) = starts(engine)
    assert start["utm_source"] == "news0"
    assert len({event.session for event in engine.events()}) == 1
    check_promises(engine)


@pytest.mark.parametrize("action", ["page.leave", "field.change"])
def test_what_does_not_open_one_is_outside(engine, action):
    params = {"engaged_ms": 5} if action == "page.leave" else {"form": "f", "field": "x", "filled": True}
    engine.append(visit("P1", "A"), sends(page("P1"), "A", does(action, "E1", **params), at=40 * MINUTE))
    (late,) = engine.events(Query(action=action))
    assert late.session is None and len(starts(engine)) == 1


OPENS = ["screen.view", "screen.click", "client.applicationStarted", "client.login", "client.logout", "button.click"]


@pytest.mark.parametrize("action", OPENS)
def test_what_apps_tell_opens_one_as_the_documentation_lists_it(engine, action):
    assert SHIPPED.for_sender(action, Sender.API).opens
    raw = {"id": f"{1:032x}", "action": action, "params": {"name": "Cart"}}
    told = read_app_event(raw, SHIPPED, 0).event
    message = sends(None, "A", told)._replace(session_facts=(("source", "MOBILE_APP"),))
    engine.append(message)
    assert starts(engine) == [{"source": "MOBILE_APP", "trigger": action}]
