"""What came of a form: the site's own answer to it, in one word (EVENTS.md section 7).

Law: pure. A redirect is a yes, and so is a page; the same form shown again is a no.
"""

from collections.abc import Collection

ANSWER_WITHIN_MS = 30_000
"""Between a form's submission and the answer to it."""
ANSWER_BEFORE_MS = 2_000
"""How much earlier than its submission an answer may seem: the one is told by a browser, in whole messages."""

ACCEPTED, REJECTED, ERROR = "accepted", "rejected", "error"


def outcome_of(status: int, form: str, shown: Collection[str]) -> str:
    """What an answer means. `shown`: names of the tracked forms on the page that it is."""
    if status >= 500:
        return ERROR
    if status >= 400:
        return REJECTED
    return REJECTED if status < 300 and form in shown else ACCEPTED


def belong(submitted: int, answered: int) -> bool:
    """Whether an answer can be the one to a submission, by their times, UTC ms."""
    return submitted - ANSWER_BEFORE_MS <= answered <= submitted + ANSWER_WITHIN_MS
