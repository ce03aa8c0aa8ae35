"""The product's promise in one sitting: a person walks through the demo's shop, and what is stored is what happened."""

import json
import re
import time
import urllib.request
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from fronts import demonstrated, poll
from relay import recorded

PASSWORD, CARD, CVC, NOTE = "hunter2-correct-horse", "4111111111111111", "7#31", "4012 8888 8888 1881"
SECRETS = (PASSWORD, CARD, CVC, quote(CVC), NOTE, NOTE.replace(" ", ""))
"""Four digits alone are in an id or a time by chance."""
DWELL_MS = 1_500
DWELL_WITHIN_MS = 100
APART_MS = 300
"""Two looks at one thing that are less than 200 ms apart are one."""


@pytest.fixture
def shop(journey, tmp_path):
    return journey.enter(demonstrated(tmp_path / "demo"))


def report_of(front, path):
    """A page of the report, as text."""
    found = re.search(r"what visitors do +(http://\S+?)/\?token=(\S+)", front.log.read_text())
    assert found is not None, front.log.read_text()
    asked = urllib.request.Request(found[1] + path, headers={"Authorization": f"Bearer {found[2]}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read().decode()


def hover(page, selector, ms):
    """Stay over an element for so long, by the page's own clock; returns how long it was."""
    page.evaluate(
        """selector => {
            const element = document.querySelector(selector);
            element.addEventListener("pointerover", event => { window.cameAt ??= event.timeStamp }, {once: true});
            element.addEventListener("pointerleave", event => { window.wentAt = event.timeStamp }, {once: true});
        }""",
        selector,
    )
    page.hover(selector)
    page.wait_for_timeout(ms)
    page.mouse.move(3, 3)
    page.wait_for_timeout(APART_MS)
    return page.evaluate("window.wentAt - window.cameAt")


def acts(events):
    """What happened, in the order of its time: action, name or form, and the path of its page."""
    pages = {event["id"]: event["params"]["uri"] for event in events if event["action"] == "page.visit"}
    told = []
    for event in sorted(events, key=lambda one: (one["time"], one["seq"])):
        path = re.sub(r"^https?://[^/]+", "", pages.get(event.get("page"), "")).partition("?")[0]
        about = event["params"].get("name") or event["params"].get("form") or ""
        field = event["params"].get("field")
        told.append(" ".join(filter(None, (event["action"], about, field, path))))
    return told


def tag_in_a_hurry(page):
    """As by somebody who tags every field that there is: none of these may be captured all the same."""
    tags = {"cardNumber": "card", "expiry": "expiry", "cvc": "cvc", "password": "password", "phone": "phone"}
    page.evaluate(
        """tags => {
            for (const [name, tag] of Object.entries(tags))
                document.querySelector(`[name=${name}]`).setAttribute("data-track-field", tag);
        }""",
        tags,
    )


def walk(page, url):
    """Home, a long look at the banner, the product behind it, an order. Returns how long the look was."""
    page.goto(f"{url}/")
    looked = hover(page, ".banner", DWELL_MS)
    page.click(".banner .badge")
    page.wait_for_url("**/products/tide-bowl")
    page.click("form.buy button")
    page.wait_for_url("**/checkout?*")
    tag_in_a_hurry(page)
    page.fill("[name=name]", "Ada Lovelace")
    page.fill("[name=email]", "ada@example.org")
    page.select_option("[name=country]", "FR")
    page.check("[name=delivery][value=courier]")
    page.check("[name=wrap]")
    page.fill("[name=notes]", f"please charge {NOTE}")
    page.fill("[name=cardNumber]", CARD)
    page.fill("[name=cvc]", CVC)
    page.fill("[name=password]", PASSWORD)
    page.click("[data-shows=password]")
    page.fill("[name=password]", PASSWORD + "!")
    page.fill("[name=address]", "1 Engine Street")
    page.click("text=Place the order")
    page.wait_for_url("**/thanks?*")
    return looked


def test_what_is_stored_of_a_walk_is_exactly_what_happened_and_no_secret_is_anywhere(journey, shop):
    with recorded(shop.port) as relay:
        page = journey.person().new_page()
        looked = walk(page, f"http://127.0.0.1:{relay.port}")
        page.close()
        exported = lambda: [json.loads(line) for line in shop.export().splitlines()]  # noqa: E731
        poll(lambda: sum(event["action"] == "page.leave" for event in exported()), 4)
        events = exported()
        check_events(events, looked)
        check_wire(relay.requests())
        shown = check_report(shop, events)
    journey.leave()
    shop.stop()
    assert len([json.loads(line) for line in shop.export().splitlines()]) == len(events)
    kept = b"".join(path.read_bytes() for path in shop.where.iterdir() if path.is_file()).decode("latin-1")
    for secret in SECRETS:
        assert secret not in kept, f"{secret} is in a file"
        assert secret not in json.dumps(events) and secret not in shown
    assert journey.complaints == []


def check_events(events, looked):
    by_action = {}
    for event in events:
        by_action.setdefault(event["action"], []).append(event["params"])
    assert len({event["uuid"] for event in events}) == len({event["session"] for event in events}) == 1
    assert {event["lane"] for event in events} == {"person"}
    changed = [line for line in acts(events) if not line.startswith(("page.leave", "field.change"))]
    assert changed == [
        "session.start /",
        "page.visit /",
        "banner.hover Spring sale /",
        "banner.click Spring sale /",
        "page.visit /products/tide-bowl",
        "button.click Order /products/tide-bowl",
        "form.submit order /products/tide-bowl",
        "page.visit /checkout",
        "form.result order /products/tide-bowl",
        "form.start checkout email /checkout",
        "button.click Show /checkout",
        "button.click Place the order /checkout",
        "form.submit checkout /checkout",
        "form.result checkout /checkout",
        "page.visit /thanks",
    ]
    [ordered, result] = by_action["form.result"]
    assert (ordered["form"], ordered["status"], ordered["outcome"]) == ("order", 200, "accepted")
    assert (result["status"], result["outcome"]) == (303, "accepted") and "/thanks?" in result["redirect"]
    [first, *_] = by_action["banner.hover"]
    assert abs(first["dwell_ms"] - looked) <= DWELL_WITHIN_MS
    order = by_action["form.submit"][-1]
    assert order["fields"] == {
        "campaign": "spring-41",
        "email": True,
        "country": "FR",
        "delivery": "courier",
        "quantity": "1",
        "wrap": "yes",
    }
    assert order["skipped"] == {
        "notes": "card",
        "card": "autocomplete",
        "expiry": "autocomplete",
        "cvc": "autocomplete",
        "password": "password",
    }


def check_wire(requests):
    """The site's own form is the only request that carries what was typed into it."""
    assert any(line.startswith("POST /_footfall/events") for line, _ in requests)
    for line, content in requests:
        if not line.startswith("POST /checkout"):
            for secret in SECRETS:
                assert secret.encode() not in content, f"{secret} is in {line}"


def check_report(shop, events):
    """Everything that the report shows of this visitor."""
    [visitor] = {event["uuid"] for event in events}
    shown = "".join(report_of(shop, path) for path in ("/", "/visitors", f"/visitors/{visitor}", "/live", "/rejected"))
    assert "Spring sale" in shown and "courier" in shown
    return shown


PROBES, ROUNDS, GOAL_MS = 40, 3, 100
"""Clicks of a round; one round while the machine does nothing else is enough."""


def delays(page, watcher, first: int) -> list[float]:
    """From each of so many clicks to its line, ms, the shortest first."""
    names = [f"probe-{number}-end" for number in range(first, first + PROBES)]
    for name in names:
        page.evaluate("name => { document.querySelector('button').dataset.track = name }", name)
        page.mouse.click(200, 200)
        page.wait_for_timeout(60)
    assert poll(lambda: watcher.evaluate("Object.keys(window.arrived).length"), first + PROBES) == first + PROBES
    clicked, arrived = page.evaluate("window.clicked"), watcher.evaluate("window.arrived")
    found = sorted(arrived[name] - clicked[name] for name in names)
    print(f"from click to line: median {found[PROBES // 2]:.0f} ms, max {found[-1]:.0f} ms")
    return found


@pytest.mark.alone
def test_a_click_is_in_the_live_feed_within_a_tenth_of_a_second(journey, tmp_path):
    front = journey.enter(demonstrated(tmp_path / "demo", "--workers", "2"))
    found = re.search(r"what visitors do +(http://\S+)", front.log.read_text())
    assert found is not None
    watcher = journey.person().new_page()
    watcher.goto(found[1])
    watcher.goto(found[1].partition("?")[0] + "live")
    watcher.evaluate(
        """() => {
            window.arrived = {};
            new MutationObserver(() => {
                const now = performance.timeOrigin + performance.now();
                const found = document.body.textContent.matchAll(/probe-\\d+-end/g);
                for (const [name] of found) window.arrived[name] ??= now;
            }).observe(document.body, {childList: true, subtree: true, characterData: true});
        }"""
    )
    page = journey.person().new_page()
    page.goto(f"{front.url}/about")
    page.evaluate(
        """() => {
            document.body.innerHTML = '<button style="position:fixed;inset:0;width:100vw;height:100vh">go</button>';
            window.clicked = {};
            document.addEventListener("click", event => {
                window.clicked[event.target.dataset.track] = performance.timeOrigin + event.timeStamp;
            }, true);
        }"""
    )
    rounds = []
    while len(rounds) < ROUNDS and not (rounds and rounds[-1][PROBES * 95 // 100 - 1] < GOAL_MS):
        rounds.append(delays(page, watcher, len(rounds) * PROBES))
    assert min(one[PROBES * 95 // 100 - 1] for one in rounds) < GOAL_MS, rounds
    assert re.search(r"p95|95", watcher.text_content("body") or "")
    journey.leave()
    front.stop()


def test_the_clock_of_a_stored_event_is_the_servers(journey, shop):
    """`time` is what the server received less the event's age: within a moment of now, whatever the browser says."""
    person = journey.person()
    person.add_init_script("Date.now = () => 0")
    page = person.new_page()
    page.goto(f"{shop.url}/about")
    page.click("h1")
    page.click("a[href='/range'] >> nth=0")
    page.wait_for_url("**/range")
    poll(lambda: "menu.click" in shop.export(), True)
    [click] = [json.loads(line) for line in shop.export().splitlines() if "menu.click" in line]
    assert abs(datetime.fromtimestamp(click["time"] / 1000, UTC).timestamp() - time.time()) < 30
    journey.leave()
    shop.stop()
