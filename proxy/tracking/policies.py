"""What the policies in an answer's head make of its tag: it runs, it cannot, or (`inject.csp = "extend"`) it gets a
nonce of its own.

Law: a policy is changed only where nothing else lets the tag run and a nonce does, and then by that nonce alone, made
for this answer; what was done is told by the entity tag (page/fields.py), so that no answer is shown twice.
"""

import secrets

from proxy.fieldlist import FieldList
from proxy.page import integrity
from proxy.page.eligibility import NOT_MODIFIED, Answer, Outcome
from proxy.page.fields import with_policies
from proxy.page.policy import ALLOWED, Verdict
from proxy.page.tagging import decide, extend
from proxy.tracking.request import TrackedRequest
from proxy.tracking.settings import Tracking

NONCE_BYTES = 18
"""Of each nonce: 144 bits, 128 are asked for (CSP Level 3, 7.1); a multiple of three needs no `=` in base64."""


def settle(
    tracking: Tracking, request: TrackedRequest, outcome: str, answer: Answer, headers: FieldList
) -> tuple[FieldList, Verdict]:
    """Whether the tag may run under the policies of a head, and the head as it goes on. A visit whose page goes without
    its tag is counted, by a 304 too, for what the page said when it was sent whole.

    Where the head was extended, `answer.policies` is another tuple afterwards; an Integrity-Policy is never changed."""
    if answer.status == NOT_MODIFIED:
        count_blocked(tracking, request, outcome, tracking.known.barred(request.host, request.raw_path))
        return headers, ALLOWED
    site = tracking.sites.site(request.scheme, request.host)
    verdict = Verdict(False, None, integrity.REASON) if answer.integrity else decide(answer.policies, site)
    if tracking.extend and not verdict.allowed and not answer.integrity:
        policies, reason = extend(answer.policies, site, secrets.token_urlsafe(NONCE_BYTES).encode("ascii"))
        if reason:
            verdict = Verdict(False, None, reason)
        else:
            answer.policies = policies
            headers, verdict = with_policies(headers, policies), decide(policies, site)
    count_blocked(tracking, request, outcome, verdict.reason)
    return headers, verdict


def blocked_by_meta(tracking: Tracking, request: TrackedRequest, outcome: str | None, reason: str) -> None:
    """A page whose body forbids its tag: counted now, and remembered for the 304s that stand for it."""
    tracking.known.bar(request.host, request.raw_path, reason)
    count_blocked(tracking, request, outcome, reason)


def count_blocked(tracking: Tracking, request: TrackedRequest, outcome: str | None, reason: str) -> None:
    """A visit whose page goes without its tag for this reason, for the report; nothing where there is none."""
    if reason and outcome == Outcome.VISIT:
        page = tracking.cleaner.page(request)
        tracking.recorder.count_blocked(page.host, page.path, reason)
