"""Accounts of a real application, by Django's own views: who signs up, fails, logs in and out, by its own answers."""

import json
from pathlib import Path

import pytest
from applications import PASSWORD, django, needs_django
from fronts import Front, poll, proxied
from playwright.sync_api import Browser, Page
from telling import read_events

ENGINE_ALONE = True
pytestmark = needs_django
ACTION_MS, UNDER_WAY_MS = 20_000, 1_000
RULES = [
    {"path": "/accounts/login/", "status": 302, "action": "client.login"},
    {"path": "/accounts/logout/", "status": 302, "action": "client.logout"},
]


def submit(page: Page, url: str, **fields: str) -> None:
    if page.url.partition("?")[0] != url:
        page.goto(url)
    for name, value in fields.items():
        page.fill(f"input[name={name}]", value)
    with page.expect_navigation():
        page.click("form button")


def told(front: Front, *actions: str) -> list[tuple[str, str]]:
    """What is stored of these actions, in the order in which it happened: (action, form and outcome)."""
    events = sorted(read_events(front.store)[0], key=lambda event: (event.time, event.seq))
    return [
        (event.action, " ".join(str(event.params[key]) for key in ("form", "outcome") if key in event.params))
        for event in events
        if event.action in actions
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_log_in_and_sign_up_are_what_the_site_says_they_are(browser: Browser, tmp_path: Path, workers: int) -> None:
    with django(tmp_path / "site") as port:
        upstream, rules = f"http://127.0.0.1:{port}", json.dumps(RULES)
        with proxied(
            tmp_path / "footfall",
            upstream,
            "--workers",
            str(workers),
            FOOTFALL_RULES=rules,
            FOOTFALL_IDENTITY__FIELD="name",
        ) as front:
            context = browser.new_context(locale="en-GB")
            context.set_default_timeout(ACTION_MS)
            page = context.new_page()
            signup, login = f"{front.url}/accounts/signup/", f"{front.url}/accounts/login/"
            submit(page, signup, username="ada", password1="12345", password2="12345")
            assert page.title() == "Sign up"
            submit(page, signup, username="ada", password1=PASSWORD, password2=PASSWORD)
            assert page.title() == "Log in"
            submit(page, login, username="ada", password="wrong")
            assert page.title() == "Log in"
            submit(page, login, username="ada", password=PASSWORD)
            assert page.title() == "Account"
            with page.expect_navigation():
                page.click("form button")
            assert page.title() == "Log in"
            # Then somebody else, in the same browser: whose all is that the site says from now on.
            submit(page, signup, username="bob", password1=PASSWORD, password2=PASSWORD)
            assert page.title() == "Log in"
            submit(page, login, username="bob", password="wrong")
            assert page.title() == "Log in"
            submit(page, login, username="bob", password=PASSWORD)
            assert page.title() == "Account"
            in_and_out = [
                ("form.submit", "sign-up"),
                ("form.result", "sign-up accepted"),
                ("form.submit", "log-in"),
                ("form.result", "log-in rejected"),
                ("form.submit", "log-in"),
                ("form.result", "log-in accepted"),
                ("client.login", ""),
                ("form.submit", "log-out"),
                ("form.result", "log-out accepted"),
                ("client.logout", ""),
            ]
            expected = [("form.submit", "sign-up"), ("form.result", "sign-up rejected"), *in_and_out, *in_and_out[:7]]
            actions = {action for action, _ in expected}
            assert poll(lambda: sorted(told(front, *actions)), sorted(expected)) == sorted(expected)
            forms = [one for one in expected if one[0].startswith("form.")]
            assert [one for one in told(front, *actions) if one[0].startswith("form.")] == forms
            context.close()
            front.stop()
            events, _ = read_events(front.store)
            assert len({event.uuid for event in events}) == 2 and len({event.session for event in events}) == 2
            times = {}
            for event in events:
                if event.action != "page.leave":
                    times.setdefault(event.uuid, []).append(event.time)
            (_, ada), (bob, _) = sorted((min(each), max(each)) for each in times.values())
            # When something happened is known but for the time that its message was under way.
            assert ada <= bob + UNDER_WAY_MS
            ends = [event for event in events if event.action == "session.end"]
            assert [(event.params["reason"], event.time <= bob + UNDER_WAY_MS) for event in ends] == [
                ("identity", True)
            ]
            whole = b"".join(file.read_bytes() for file in (tmp_path / "footfall").glob("footfall.db*"))
            for secret in (PASSWORD, "12345", "wrong"):
                assert secret.encode() not in whole
