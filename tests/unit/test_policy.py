"""Which policies let our tag run, and with which nonce."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.policy import Verdict, decide

SCRIPT = b"/_footfall/t.js"
COLLECTOR = b"/_footfall/events"


def judged(
    *policies: bytes, origin: bytes = b"https://shop.example", metas: tuple[bytes, ...] = ()
) -> tuple[bool, bytes | None]:
    verdict = decide(policies, origin=origin, script_path=SCRIPT, collector_path=COLLECTOR, metas=metas)
    assert (verdict.reason == "") == verdict.allowed
    return verdict.allowed, verdict.nonce


YES = (True, None)
NO = (False, None)

ONE_POLICY = [
    (b"", YES),
    (b"img-src 'none'; frame-ancestors 'none'", YES),
    (b"upgrade-insecure-requests", YES),
    # the chain of directives
    (b"default-src 'self'", YES),
    (b"default-src 'none'", NO),
    (b"default-src 'none'; script-src 'self'; connect-src 'self'", YES),
    (b"default-src 'self'; script-src 'none'", NO),
    (b"script-src 'self'; script-src-elem 'none'", NO),
    (b"script-src 'none'; script-src-elem 'self'", YES),
    (b"script-src 'none'; script-src-attr 'self'", NO),
    (b"script-src", NO),
    (b"script-src 'self'; script-src 'none'", YES),
    (b"SCRIPT-SRC 'SELF'", YES),
    (b" ; ;script-src\t'self' ;", YES),
    # what lets an external script of our origin through
    (b"script-src *", YES),
    (b"script-src https:", YES),
    (b"script-src http:", YES),
    (b"script-src data: blob:", NO),
    (b"script-src shop.example", YES),
    (b"script-src SHOP.example", YES),
    (b"script-src https://shop.example", YES),
    (b"script-src http://shop.example", YES),
    (b"script-src https://shop.example:443", YES),
    (b"script-src http://shop.example:80", YES),
    (b"script-src https://shop.example:*", YES),
    (b"script-src https://shop.example:8443", NO),
    (b"script-src *.example", YES),
    (b"script-src *.shop.example", NO),
    (b"script-src other.example cdn.example", NO),
    (b"script-src shop.example.evil", NO),
    (b"script-src shop.example/_footfall/", YES),
    (b"script-src shop.example/_footfall", NO),
    (b"script-src shop.example/%5Ffootfall/t.js", YES),
    (b"script-src shop.example/", YES),
    (b"script-src shop.example/assets/", NO),
    (b"script-src 'unsafe-inline' 'unsafe-eval'", NO),
    (b"script-src 'sha256-AAAA'", NO),
    (b"script-src 'none' 'self'", YES),
    (b"script-src self", NO),
    (b"script-src \xff'self'", YES),  # not ASCII: browsers ignore the directive
    # nonces
    (b"script-src 'nonce-r4nd0m'", (True, b"r4nd0m")),
    (b"script-src 'self' 'NONCE-abc+/-_=='", (True, b"abc+/-_==")),
    (b"script-src 'nonce-'", NO),
    (b"script-src 'nonce-a\"><b'", NO),
    (b"script-src 'nonce-a=b'", NO),
    (b"script-src 'nonce-a", NO),
    (b"default-src 'nonce-abc'", NO),  # connect-src falls back to it as well
    (b"default-src 'self' 'nonce-abc'", (True, b"abc")),
    # strict-dynamic ignores everything else
    (b"script-src 'self' 'strict-dynamic'", NO),
    (b"script-src https: * 'Strict-Dynamic'", NO),
    (b"script-src 'strict-dynamic' 'sha256-AAAA' 'unsafe-inline'", NO),
    (b"script-src 'strict-dynamic' 'nonce-abc' https:", (True, b"abc")),
    # connect-src
    (b"connect-src 'none'", NO),
    (b"connect-src", NO),
    (b"connect-src 'self'", YES),
    (b"connect-src api.example", NO),
    (b"connect-src shop.example/_footfall/t.js", NO),
    (b"connect-src shop.example/_footfall/events", YES),
    (b"default-src api.example; script-src 'self'", NO),
    # sandbox
    (b"sandbox", NO),
    (b"sandbox allow-scripts", NO),
    (b"sandbox allow-same-origin", NO),
    (b"sandbox allow-forms Allow-Scripts ALLOW-SAME-ORIGIN", YES),
    # trusted types do not concern a tag of the parser
    (b"require-trusted-types-for 'script'; trusted-types 'none'", YES),
]


@pytest.mark.parametrize(("policy", "expected"), ONE_POLICY, ids=lambda value: repr(value))
def test_one_policy(policy: bytes, expected: tuple[bool, bytes | None]) -> None:
    assert judged(policy) == expected


SEVERAL = [
    ([], YES),
    ([b"script-src 'self'", b"script-src 'none'"], NO),
    ([b"script-src 'self', script-src 'none'"], NO),
    ([b"script-src 'self', connect-src 'self'"], YES),
    ([b"script-src 'nonce-a'", b"script-src 'self'"], (True, b"a")),
    ([b"script-src 'self'", b"script-src 'nonce-a'"], (True, b"a")),
    ([b"script-src 'self' 'nonce-b'", b"script-src 'nonce-a'"], (True, b"a")),
    ([b"script-src 'nonce-a'", b"script-src 'nonce-a'"], (True, b"a")),
    ([b"script-src 'nonce-a'", b"script-src 'nonce-b'"], NO),
    ([b"script-src 'nonce-a', script-src 'nonce-b'"], NO),
    ([b"script-src 'nonce-a' 'nonce-b'", b"script-src 'nonce-c' 'nonce-b'"], (True, b"b")),
    ([b"script-src 'nonce-a'", b"connect-src 'none'"], NO),
]


@pytest.mark.parametrize(("policies", "expected"), SEVERAL, ids=lambda value: repr(value))
def test_several_policies_must_all_be_met(policies: list[bytes], expected: tuple[bool, bytes | None]) -> None:
    assert judged(*policies) == expected


def test_metas_are_policies_too() -> None:
    assert judged(metas=(b"script-src 'none'",)) == NO
    assert judged(b"script-src 'self'", metas=(b"script-src 'nonce-a'",)) == (True, b"a")
    assert judged(b"script-src 'nonce-b'", metas=(b"script-src 'nonce-a'",)) == NO


def test_sandbox_in_a_meta_has_no_effect() -> None:
    assert judged(metas=(b"sandbox; script-src 'self'",)) == YES


def test_a_comma_in_a_meta_is_read_both_ways() -> None:
    assert judged(metas=(b"script-src 'self', script-src 'none'",)) == NO
    assert judged(metas=(b"script-src 'none', img-src *",)) == NO
    assert judged(metas=(b"img-src a.example, script-src 'self'",)) == YES


@pytest.mark.parametrize(
    ("origin", "source", "allowed"),
    [
        (b"http://shop.example", b"https://shop.example", False),
        (b"http://shop.example", b"shop.example", True),
        (b"http://shop.example", b"https:", False),
        (b"https://shop.example:8443", b"shop.example", False),
        (b"https://shop.example:8443", b"shop.example:8443", True),
        (b"https://shop.example:8443", b"shop.example:80", False),
        (b"http://127.0.0.1:8080", b"http://127.0.0.1:8080", True),
        (b"http://127.0.0.1:8080", b"http://127.0.0.1", False),
        (b"http://[::1]:8080", b"http://[::1]:8080", True),
        (b"https://a.b.shop.example", b"*.shop.example", True),
        (b"https://SHOP.example", b"shop.example", True),
        (b"null", b"'self'", True),
        (b"null", b"shop.example", False),
        (b"null", b"https:", False),
        (b"", b"*", True),
    ],
)
def test_host_sources_against_the_public_origin(origin: bytes, source: bytes, allowed: bool) -> None:
    assert judged(b"script-src " + source, origin=origin) == (allowed, None)


def test_reasons_name_the_directive_that_blocks() -> None:
    def reason(policy: bytes) -> str:
        return decide([policy], origin=b"https://a.example", script_path=SCRIPT, collector_path=COLLECTOR).reason

    assert reason(b"default-src 'none'; connect-src *") == "default-src blocks the tag"
    assert reason(b"script-src 'none'") == "script-src blocks the tag"
    assert reason(b"connect-src 'none'") == "connect-src blocks the collector"
    assert reason(b"sandbox") == "sandbox without allow-same-origin and allow-scripts"
    assert reason(b"script-src 'nonce-a', script-src 'nonce-b'") == "policies with different nonces"


TOKENS = [
    *(b"script-src", b"default-src", b"connect-src", b"script-src-elem", b"sandbox", b"'self'", b"'none'", b"*", b";"),
    *(
        b",",
        b" ",
        b"'nonce-abc'",
        b"'nonce-\"'",
        b"'strict-dynamic'",
        b"https:",
        b"a.example:99999999",
        b"\xff",
        b"[::",
        b"%",
    ),
]


@given(parts=st.lists(st.sampled_from(TOKENS), max_size=20), junk=st.binary(max_size=20))
def test_any_bytes_give_a_verdict_and_a_nonce_is_safe_in_an_attribute(parts: list[bytes], junk: bytes) -> None:
    for value in (b" ".join(parts), b"".join(parts), junk):
        verdict = decide(
            [value], origin=b"https://a.example", script_path=SCRIPT, collector_path=COLLECTOR, metas=[value]
        )
        assert isinstance(verdict, Verdict)
        assert verdict.nonce is None or not set(verdict.nonce) & set(b"\"'<>& \t\n\f\r`")
