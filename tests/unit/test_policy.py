"""Which policies let our tag run, with which nonce, and what a nonce of ours makes of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.page.policy import Extended, Verdict, decide, extend

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
    assert reason(b"script-src-elem 'self' 'strict-dynamic'") == "script-src-elem with 'strict-dynamic' blocks the tag"
    meta = decide([], metas=[b"script-src 'none'"], origin=b"", script_path=SCRIPT, collector_path=COLLECTOR)
    assert meta.reason == "meta: script-src blocks the tag"


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


# The script that the tag imports ------------------------------------------------------------------------------------

PART = b"/_footfall/forms.js"

WITH_PART = [
    (b"script-src 'self'", YES),
    (b"script-src *", YES),
    (b"script-src shop.example/_footfall/", YES),
    (b"script-src shop.example/_footfall/t.js", NO),
    (b"script-src shop.example/_footfall/forms.js", NO),
    (b"script-src shop.example/_footfall/t.js shop.example/_footfall/forms.js", YES),
    # it is imported with the nonce of the first
    (b"script-src shop.example/_footfall/t.js 'nonce-abc'", (True, b"abc")),
    (b"script-src 'strict-dynamic' 'nonce-abc'", (True, b"abc")),
]


@pytest.mark.parametrize(("policy", "expected"), WITH_PART, ids=lambda value: repr(value))
def test_the_script_that_the_tag_imports_must_run_too(policy: bytes, expected: tuple[bool, bytes | None]) -> None:
    verdict = decide(
        [policy], origin=b"https://shop.example", script_path=SCRIPT, collector_path=COLLECTOR, part_path=PART
    )
    assert (verdict.allowed, verdict.nonce) == expected


def test_without_it_nobody_asks_for_it() -> None:
    assert judged(b"script-src shop.example/_footfall/t.js") == YES


# A nonce of ours ----------------------------------------------------------------------------------------------------

NONCE = b"N0nce"
OURS = b"'nonce-N0nce'"


def extended(*policies: bytes) -> Extended:
    return extend(
        policies,
        NONCE,
        origin=b"https://shop.example",
        script_path=SCRIPT,
        collector_path=COLLECTOR,
        part_path=PART,
    )


CURED = [
    # the directive that governs
    (b"script-src cdn.example", b"script-src cdn.example 'nonce-N0nce'"),
    (b"script-src 'sha256-AAAA'", b"script-src 'sha256-AAAA' 'nonce-N0nce'"),
    (
        b"script-src 'self'; script-src-elem cdn.example",
        b"script-src 'self'; script-src-elem cdn.example 'nonce-N0nce'",
    ),
    (
        b"script-src 'unsafe-inline'; script-src-elem cdn.example",
        b"script-src 'unsafe-inline'; script-src-elem cdn.example 'nonce-N0nce'",
    ),
    (b"Script-Src CDN.example", b"Script-Src CDN.example 'nonce-N0nce'"),
    (b"script-src a.example; script-src 'none'", b"script-src a.example 'nonce-N0nce'; script-src 'none'"),
    # 'none' is replaced
    (b"script-src 'none'", b"script-src 'nonce-N0nce'"),
    (b"script-src 'NONE'; connect-src 'self'", b"script-src 'nonce-N0nce'; connect-src 'self'"),
    (b"img-src *;  script-src  'none' ", b"img-src *;  script-src 'nonce-N0nce'"),
    (b"script-src 'none' cdn.example", b"script-src cdn.example 'nonce-N0nce'"),
    (b"script-src", b"script-src 'nonce-N0nce'"),
    (b"script-src ;img-src *", b"script-src 'nonce-N0nce' ;img-src *"),
    # default-src is copied, and stays as it was for everything else
    (
        b"default-src 'none'; connect-src 'self'",
        b"default-src 'none'; script-src 'nonce-N0nce'; connect-src 'self'",
    ),
    (
        b"default-src https://cdn.example data:; connect-src *",
        b"default-src https://cdn.example data:; script-src https://cdn.example data: 'nonce-N0nce'; connect-src *",
    ),
    (b"connect-src *; default-src 'none'", b"connect-src *; default-src 'none'; script-src 'nonce-N0nce'"),
    (
        b"default-src cdn.example; connect-src *; script-src-attr 'none'",
        b"default-src cdn.example; script-src cdn.example 'nonce-N0nce'; connect-src *; script-src-attr 'none'",
    ),
    # strict-dynamic, hashes, and nonces of the page have switched 'unsafe-inline' off already
    (b"script-src 'strict-dynamic' 'sha256-AAAA'", b"script-src 'strict-dynamic' 'sha256-AAAA' 'nonce-N0nce'"),
    (
        b"script-src 'self' 'unsafe-inline' 'strict-dynamic'",
        b"script-src 'self' 'unsafe-inline' 'strict-dynamic' 'nonce-N0nce'",
    ),
    (b"script-src 'unsafe-inline' 'SHA384-AAAA='", b"script-src 'unsafe-inline' 'SHA384-AAAA=' 'nonce-N0nce'"),
    (b"script-src 'unsafe-eval' 'unsafe-hashes'", b"script-src 'unsafe-eval' 'unsafe-hashes' 'nonce-N0nce'"),
    # a source that names only one of the two scripts
    (b"script-src shop.example/_footfall/t.js", b"script-src shop.example/_footfall/t.js 'nonce-N0nce'"),
    # comma parts, each on its own
    (b"script-src 'self', script-src 'none'", b"script-src 'self', script-src 'nonce-N0nce'"),
    (
        b"img-src *,script-src a.example,, script-src b.example",
        b"img-src *,script-src a.example 'nonce-N0nce',, script-src b.example 'nonce-N0nce'",
    ),
    (
        b"script-src 'nonce-a', script-src 'nonce-b'",
        b"script-src 'nonce-a' 'nonce-N0nce', script-src 'nonce-b' 'nonce-N0nce'",
    ),
    (
        b"script-src 'nonce-a', script-src cdn.example",
        b"script-src 'nonce-a' 'nonce-N0nce', script-src cdn.example 'nonce-N0nce'",
    ),
    # what does not concern the tag stays to the byte
    (
        b"\ttrusted-types  x;script-src\tcdn.example\t; report-uri /r ;",
        b"\ttrusted-types  x;script-src\tcdn.example 'nonce-N0nce'\t; report-uri /r ;",
    ),
]


@pytest.mark.parametrize(("policy", "expected"), CURED, ids=lambda value: repr(value))
def test_a_policy_that_a_nonce_cures(policy: bytes, expected: bytes) -> None:
    assert extended(policy) == Extended((expected,), "")
    verdict = decide(
        [expected], origin=b"https://shop.example", script_path=SCRIPT, collector_path=COLLECTOR, part_path=PART
    )
    assert verdict == Verdict(True, NONCE, "")


def test_every_field_gets_the_nonce_that_needs_it_and_no_other() -> None:
    given = (b"script-src cdn.example", b"script-src 'self'", b"frame-ancestors 'none'", b"script-src 'none'")
    assert extended(*given).policies == (
        b"script-src cdn.example 'nonce-N0nce'",
        b"script-src 'self'",
        b"frame-ancestors 'none'",
        b"script-src 'nonce-N0nce'",
    )


NOT_CURED = [
    # a nonce would switch the page's inline scripts off
    (b"script-src 'unsafe-inline'", "script-src relies on 'unsafe-inline'"),
    (b"script-src 'Unsafe-Inline' cdn.example", "script-src relies on 'unsafe-inline'"),
    (b"script-src 'unsafe-inline' 'nonce-'", "script-src relies on 'unsafe-inline'"),
    (b"script-src 'unsafe-inline' 'sha256-?'", "script-src relies on 'unsafe-inline'"),
    (b"default-src cdn.example 'unsafe-inline'; connect-src *", "default-src relies on 'unsafe-inline'"),
    (b"script-src *; script-src-elem 'unsafe-inline'", "script-src-elem relies on 'unsafe-inline'"),
    (b"script-src 'none', script-src 'unsafe-inline'", "script-src relies on 'unsafe-inline'"),
    # what is not about scripts
    (b"script-src 'none'; connect-src 'none'", "connect-src blocks the collector"),
    (b"default-src 'none'", "default-src blocks the collector"),
    (b"default-src cdn.example; script-src 'none'", "default-src blocks the collector"),
    (b"script-src 'none'; sandbox allow-same-origin", "sandbox without allow-scripts"),
    (b"script-src 'none', sandbox allow-scripts", "sandbox without allow-same-origin"),
    # what browsers may read in another way
    (b"script-src 'none'; img-src \xff", "script-src blocks the tag"),
]


@pytest.mark.parametrize(("policy", "reason"), NOT_CURED, ids=lambda value: repr(value))
def test_a_policy_that_no_nonce_cures_is_left_as_it_is(policy: bytes, reason: str) -> None:
    assert extended(policy) == Extended((), reason)


def test_a_policy_under_which_everything_runs_is_not_touched() -> None:
    for policy in (
        b"",
        b"script-src 'self' 'unsafe-inline'",
        b"img-src 'none'",
        b"script-src \xff'self'",
        b"default-src *",
    ):
        assert extended(policy).policies == (policy,)


DIRECTIVES = [b"script-src", b"script-src-elem", b"script-src-attr", b"default-src", b"connect-src", b"img-src"]
SOURCES = [
    *(b"'self'", b"'none'", b"*", b"cdn.example", b"https:", b"'unsafe-inline'", b"'strict-dynamic'", b"'nonce-abc'"),
    *(b"'sha256-AAAA'", b"'unsafe-eval'", b"shop.example/_footfall/t.js", b"'unsafe-hashes'", b"data:"),
]
LISTS = st.builds(
    lambda name, listed: b" ".join([name, *listed]),
    st.sampled_from(DIRECTIVES),
    st.lists(st.sampled_from(SOURCES), max_size=4),
)
POLICIES = st.lists(
    st.lists(st.lists(LISTS, max_size=4).map(b"; ".join), min_size=1, max_size=3).map(b", ".join),
    min_size=1,
    max_size=3,
)
PLACES = {"origin": b"https://shop.example", "script_path": SCRIPT, "collector_path": COLLECTOR, "part_path": PART}


@given(POLICIES)
def test_what_is_extended_lets_the_tag_run_and_changes_nothing_else_that_runs(policies: list[bytes]) -> None:
    before = decide(policies, **PLACES)
    after = extend(policies, NONCE, **PLACES)
    if after.reason:
        assert not before.allowed and not after.policies
        return
    assert decide(after.policies, **PLACES).allowed
    assert len(after.policies) == len(policies)
    for old, new in zip(policies, after.policies, strict=True):
        for one, other in zip(old.split(b","), new.split(b","), strict=True):
            assert runs(one) == runs(other)


def runs(policy: bytes) -> dict[str, object]:
    """What else runs or loads under a policy, read anew: by directive, less what stands for nothing and our nonce; and
    whether inline scripts and handlers run (CSP Level 3, 6.7.3.2)."""
    lists: dict[bytes, list[bytes]] = {}
    for part in policy.split(b";"):
        name, *listed = part.split() or [b""]
        lists.setdefault(name, [one for one in listed if one != b"'none'"])
    told: dict[str, object] = {}
    for kind, names in (
        ("elements", (b"script-src-elem", b"script-src", b"default-src")),
        ("handlers", (b"script-src-attr", b"script-src", b"default-src")),
        ("evaluated", (b"script-src", b"default-src")),
        ("connections", (b"connect-src", b"default-src")),
        ("images", (b"img-src", b"default-src")),
    ):
        listed = next((lists[name] for name in names if name in lists), None)
        inline = listed is None or (
            b"'unsafe-inline'" in listed
            and not any(one.startswith((b"'nonce-", b"'sha", b"'strict")) for one in listed)
        )
        told[kind] = (listed and [one for one in listed if one != OURS], listed is None, inline)
    return told
