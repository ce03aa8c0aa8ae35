"""The judge of policies: csp_evaluator reads each before and after `inject.csp = "extend"` has put a nonce into it.

Law: an extended policy earns no finding of severity HIGH or MEDIUM that it did not earn before. One is expected and
told as such: a policy with a nonce and no base-uri. An injected <base> can move scripts whose addresses are relative
and that have the nonce; ours is the only one with it, it is put before any <base>, and what it imports is found beside
it, not beside the page. Adding a base-uri would change what the page may do.
"""

import json
import secrets
from typing import Any

from judges import FOUND, GOOD, tools
from proxy.page.policy import extend

# What sites send: a few of every kind, and what the tag's rules turn on.
POLICIES = (
    "script-src 'none'; object-src 'none'; base-uri 'none'",
    "default-src 'none'; connect-src 'self'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'self'",
    "default-src 'none'; connect-src 'self'",
    "default-src https://cdn.example; connect-src 'self'; base-uri 'self'",
    "default-src https://cdn.example 'unsafe-eval' data:; connect-src *",
    "default-src https:; script-src https://cdn.example/lib/; object-src 'none'; base-uri 'self'",
    "script-src https://cdn.example https://www.google-analytics.com; object-src 'none'",
    "script-src https://ajax.googleapis.com",
    "script-src 'self'; script-src-elem https://cdn.example; object-src 'none'; base-uri 'none'",
    "script-src 'unsafe-inline'; script-src-elem https://cdn.example",
    "script-src 'sha256-NMyuiVjN5lpxBAaqm/9wq0t0cy0xkYnKJMg9r14wj7o='; object-src 'none'; base-uri 'none'",
    "script-src 'strict-dynamic' 'sha256-NMyuiVjN5lpxBAaqm/9wq0t0cy0xkYnKJMg9r14wj7o='; object-src 'none'",
    "script-src 'strict-dynamic' 'unsafe-inline' https: 'sha384-AAAA'; object-src 'none'; base-uri 'none'",
    "script-src 'nonce-r4nd0mr4nd0mr4nd0m' https://a.example, script-src 'nonce-an0theran0theran0ther'",
    "script-src https://cdn.example; require-trusted-types-for 'script'; trusted-types default",
    "script-src 'wasm-unsafe-eval' 'report-sample'; report-uri /csp; upgrade-insecure-requests",
    "script-src https://shop.example/_footfall/t.js; object-src 'none'; base-uri 'none'",
    "script-src; object-src 'none'",
    "script-src 'none' https://cdn.example; object-src 'none'; base-uri 'self'",
    # these are left as they are
    "script-src 'self'; object-src 'none'; base-uri 'none'",
    "script-src 'unsafe-inline' https://cdn.example",
    "default-src 'none'",
)
SEVERITIES = {10: "HIGH", 30: "MEDIUM"}
"""csp_evaluator's numbers for them (finding.ts)."""
EXPECTED = ("base-uri", 300)
"""Directive and kind of finding (MISSING_DIRECTIVES): see the law."""
EVALUATOR = """
import { readFileSync } from 'node:fs'
import parser from 'csp_evaluator/dist/parser.js'
import evaluator from 'csp_evaluator/dist/evaluator.js'
const read = (text) => new evaluator.CspEvaluator(new parser.CspParser(text).csp).evaluate()
console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map((text) => read(text))))
"""
Finding = tuple[int, str, int, str]
"""Severity, directive, kind, value."""


def main(words: list[str]) -> int:
    nonce = secrets.token_urlsafe(18)
    pairs = [pair for policy in POLICIES if chosen(policy, words) for pair in extended(policy, nonce)]
    told = json.loads(tools.node(EVALUATOR, "csp_evaluator", json.dumps([text for pair in pairs for text in pair])))
    wrong, expected, changed = [], 0, 0
    for (before, after), one, other in zip(pairs, told[::2], told[1::2], strict=True):
        changed += before != after
        for severity, directive, kind, value in sorted(findings(other, nonce) - findings(one, nonce)):
            if (directive, kind) == EXPECTED:
                expected += 1
            else:
                wrong.append(f"{after}: {SEVERITIES[severity]}, {directive} {value}".strip())
    for line in wrong:
        print(f"  {line}")
    print(
        f"  csp_evaluator: {len(pairs)} policies, {changed} extended, {len(wrong)} new findings of severity HIGH or "
        f"MEDIUM, and {expected} times that a nonce asks for a base-uri (judges/policy.py says why that is no fault)"
    )
    return FOUND if wrong or not changed else GOOD


def chosen(policy: str, words: list[str]) -> bool:
    return not words or any(word in policy for word in words)


def extended(policy: str, nonce: str) -> list[tuple[str, str]]:
    """The comma parts of a policy, each a policy of its own, before and after."""
    done = extend(
        [policy.encode()],
        nonce.encode(),
        origin=b"https://shop.example",
        script_path=b"/_footfall/t.js",
        collector_path=b"/_footfall/events",
        part_path=b"/_footfall/forms.js",
    )
    after = policy if done.reason else done.policies[0].decode()
    return list(zip(policy.split(","), after.split(","), strict=True))


def findings(told: list[dict[str, Any]], nonce: str) -> set[Finding]:
    """What is said of a policy that matters, whichever its nonce and wherever it says so: a script-src that was copied
    from default-src earns what that one earned before."""
    found = set()
    for one in told:
        if one["severity"] in SEVERITIES:
            directive = "script" if one["directive"] in ("script-src", "default-src") else one["directive"]
            found.add((one["severity"], directive, one["type"], str(one.get("value") or "").replace(nonce, "")))
    return found
