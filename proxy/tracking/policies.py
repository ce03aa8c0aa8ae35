"""What the policies in an answer's head make of its tag: it runs, it cannot, or (`inject.csp = "extend"`) it gets a
nonce of its own.

Law: a policy is changed only where nothing else lets the tag run and a nonce does, and then by that nonce alone, made
for this answer; what was done is told by the entity tag (page/fields.py), so that no answer is shown twice.
"""

import secrets

from proxy.fieldlist import FieldList
from proxy.page import integrity
from proxy.page.eligibility import Answer, Outcome
from proxy.page.fields import with_policies
from proxy.page.tagging import Site, decide, extend
from proxy.tracking.request import TrackedRequest
from proxy.tracking.settings import Tracking

NONCE_BYTES = 18
"""Of each nonce: 144 bits, 128 are asked for (CSP Level 3, 7.1); a multiple of three needs no `=` in base64."""


def settle(answer: Answer, headers: FieldList, site: Site, *, extends: bool) -> tuple[FieldList, str]:
    """Whether the tag may run under the policies of a head: the head as it goes on, and why the tag must not, or "".

    Where `extends` has changed the head, `answer.policies` is another tuple afterwards; an Integrity-Policy is never
    changed."""
    if answer.integrity:
        return headers, integrity.REASON
    reason = decide(answer.policies, site).reason
    if not reason or not extends:
        return headers, reason
    policies, reason = extend(answer.policies, site, secrets.token_urlsafe(NONCE_BYTES).encode("ascii"))
    if reason:
        return headers, reason
    answer.policies = policies
    return with_policies(headers, policies), ""


def count_blocked(tracking: Tracking, request: TrackedRequest, outcome: str | None, reason: str) -> None:
    """A visit whose page goes without its tag for this reason, for the report; nothing where there is none."""
    if reason and outcome == Outcome.VISIT:
        page = tracking.cleaner.page(request)
        tracking.recorder.count_blocked(page.host, page.path, reason)
