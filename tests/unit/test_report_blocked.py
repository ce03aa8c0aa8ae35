"""Every reason for which a tag cannot run has words, and they tell what to do."""

import pytest

from proxy.page.integrity import REASON
from proxy.page.policy import decide, extend
from proxy.report.blocked import words_of

PLACES = {
    "origin": b"https://shop.example",
    "script_path": b"/_footfall/t.js",
    "collector_path": b"/_footfall/events",
    "part_path": b"/_footfall/forms.js",
}
POLICIES = (
    b"script-src 'none'",
    b"script-src-elem cdn.example",
    b"default-src cdn.example; connect-src *",
    b"default-src cdn.example",
    b"connect-src 'none'",
    b"script-src shop.example/_footfall/t.js",
    b"script-src 'self' 'strict-dynamic'",
    b"script-src 'unsafe-inline'",
    b"sandbox",
    b"sandbox allow-scripts",
    b"script-src 'nonce-a', script-src 'nonce-b'",
    b"script-src 'none'; img-src \xff",
)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_reason_has_words_and_advice(policy):
    reasons = {
        decide([policy], **PLACES).reason,
        decide([], metas=[policy], **PLACES).reason,
        extend([policy], b"n", **PLACES).reason,
    }
    assert len(reasons - {""}) >= 1
    for reason in reasons - {""}:
        words = words_of(reason)
        assert words.why != reason and words.advice.endswith("."), reason
        assert "{" not in words.why + words.advice
        assert ("<meta>" in words.why + words.advice) == (reason.startswith("meta: ") and "differ" not in reason)


def test_an_integrity_policy_is_not_called_a_content_security_policy():
    words = words_of(REASON)
    assert words.why != REASON and words.advice.endswith(".")
    assert "Content-Security-Policy" not in words.why and "extend" not in words.advice


def test_what_extending_cannot_cure_is_not_said_to_be_cured_by_it():
    for policy in (b"script-src 'unsafe-inline'", b"connect-src 'none'", b"sandbox", b"default-src 'none'"):
        words = words_of(extend([policy], b"n", **PLACES).reason)
        assert "extend" not in words.advice
    assert "extend" not in words_of(decide([], metas=[b"script-src 'none'"], **PLACES).reason).advice


def test_a_reason_that_is_not_known_is_shown_as_it_is():
    assert words_of("something new") == ("something new", "")
